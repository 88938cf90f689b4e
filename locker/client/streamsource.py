"""
Streams at a server of the StreamSource API: StreamSource itself, or a Locker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..error import NotFound
from ..record import Body
from .backend import StreamBackend
from .credentials import Credentials
from .retry import Retry
from .stream import Export, Filters, ImportReport, Page, Stream, StreamId, read_time
from .transport import Transport

STREAMS = "/api/v1/streams"


class StreamSourceBackend(StreamBackend):
    """The guide's backend.  Give it a URL and a token, or an e-mail address and a password.

    Requests are repeated as *retry* says, creating ones too: a Locker takes a repeated create for the same stream (its 30 minutes'
    continuation).  For a server that would make a second one, set *repeat_creates* to False; an answer that was lost then is Retriable, for you.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        email: str | None = None,
        password: str | None = None,
        retry: Retry | None = None,
        timeout: float = 30.0,
        repeat_creates: bool = True,
        transport: Transport | None = None,
    ) -> None:
        self._transport = transport or Transport(url, Credentials(token, email, password), retry=retry, timeout=timeout)
        self._repeat_creates = repeat_creates

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def sign_up(self) -> None:
        """Make the account of this backend's e-mail address and password.  Raises Invalid if there is one already."""
        await self._transport.sign_up()

    async def log_in(self) -> str | None:
        """The token that requests are sent with now.  Raises Unauthorized if the server does not know us."""
        return await self._transport.log_in()

    async def create_stream(self, data: Mapping[str, Any]) -> Stream:
        """``POST /api/v1/streams``."""
        return Stream.read((await self._transport.request("POST", STREAMS, body=dict(data), repeat=self._repeat_creates)).body)

    async def get_stream(self, id: StreamId) -> Stream:
        """``GET /api/v1/streams/:id``."""
        return Stream.read((await self._transport.request("GET", _path(id))).body)

    async def get_streams(self, filters: Filters | None = None) -> Page:
        """``GET /api/v1/streams``."""
        return Page.read((await self._transport.request("GET", STREAMS, params=(filters or Filters()).parameters())).body)

    async def update_stream(self, id: StreamId, data: Mapping[str, Any]) -> Stream:
        """``PUT /api/v1/streams/:id``."""
        return Stream.read((await self._transport.request("PUT", _path(id), body=dict(data))).body)

    async def delete_stream(self, id: StreamId) -> None:
        """``DELETE /api/v1/streams/:id``."""
        await self._transport.request("DELETE", _path(id))

    async def pin_stream(self, id: StreamId) -> Stream:
        """``PUT /api/v1/streams/:id/pin``."""
        return Stream.read((await self._transport.request("PUT", f"{_path(id)}/pin")).body)

    async def unpin_stream(self, id: StreamId) -> Stream:
        """``DELETE /api/v1/streams/:id/pin``."""
        answer = (await self._transport.request("DELETE", f"{_path(id)}/pin")).body
        return await self.get_stream(id) if answer is None else Stream.read(answer)

    async def bulk_import(self, rows: Sequence[Mapping[str, Any]]) -> ImportReport:
        """``POST /api/v1/streams/bulk_import``."""
        body = {"streams": [dict(row) for row in rows]}
        answer = await self._transport.request("POST", f"{STREAMS}/bulk_import", body=body, repeat=self._repeat_creates)
        return ImportReport.read(answer.body, len(rows))

    async def export(self, filters: Filters | None = None) -> Export:
        """``GET /api/v1/streams/export``."""
        answer = (await self._transport.request("GET", f"{STREAMS}/export", params=(filters or Filters()).parameters())).body
        rows = answer.get("streams", []) if isinstance(answer, dict) else answer
        return Export(read_time(answer.get("exported_at")) if isinstance(answer, dict) else None, tuple(rows))

    async def analytics(self, id: StreamId) -> Body:
        """``GET /api/v1/streams/:id/analytics``."""
        found: Body = (await self._transport.request("GET", f"{_path(id)}/analytics")).body
        return found

    async def features(self) -> Body:
        """``GET /api/v1/features``, which StreamSource itself does not have: then it is empty."""
        try:
            answer: Body = (await self._transport.request("GET", "/api/v1/features")).body
        except NotFound:
            return {}
        inner = answer.get("features")
        return inner if isinstance(inner, dict) else answer


def _path(id: StreamId) -> str:
    return f"{STREAMS}/{quote(str(id), safe='')}"
