"""
aiohttp's server, with its own errors in our shape: a request that is no HTTP is answered before any handler could see it.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from ._errors import HttpError, render, unexpected

MAX_LINE = 64 * 1024
"""A query text of 8192 characters, each of them escaped, fits in."""
MAX_FIELD = 16 * 1024


class Protocol(RequestHandler[Any] if hasattr(RequestHandler, "__class_getitem__") else RequestHandler):  # type: ignore[misc]
    """One connection."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What aiohttp says of requests that it cannot read, and of what fell through.  Nothing of the request goes to the log."""
        if isinstance(exc, ConnectionError):  # the client has gone
            raise exc
        if request.writer.output_size > 0:
            raise ConnectionError("the answer had begun when it failed")
        if isinstance(exc, LineTooLong):
            status = 414 if str(MAX_LINE) in str(exc) else 431
        elif message is not None or status < 500:
            status = status if status != 500 else 400
        elif status == 500 and exc is not None:
            return _closing(unexpected(exc))
        return _closing(render(HttpError(status), "GET"))

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A body that cannot be read was answered already."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """What aiohttp's router refuses before any handler (``OPTIONS *``) is a problem document too."""
        if isinstance(resp, web.HTTPException):
            resp = render(HttpError(resp.status), request.method)
        finished: tuple[web.StreamResponse, bool] = await super().finish_response(request, resp, start_time)
        return finished


def _closing(response: web.Response) -> web.Response:
    response.force_close()
    return response


class Runner(web.AppRunner):
    """Runs an application on connections of ours."""

    __slots__ = ()

    async def _make_server(self) -> Any:
        server = await super()._make_server()
        server.__class__ = _Server
        return server


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return Protocol(self, loop=self._loop, **self._kwargs)
