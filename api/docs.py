"""
``/api-docs``: the description of every dialect as a page to read and try, from a package that brings the page's files: nothing is fetched elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

from locker.error import NotFound, Unavailable

from ._pages import HEADERS
from ._routes import Route
from ._service import Call, Service

PACKAGE = "swagger_ui"
HTML, SCRIPT = "text/html", "text/javascript"
FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": SCRIPT, "favicon-32x32.png": "image/png"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Locker: all calls</title>
<link rel="stylesheet" href="/api-docs/swagger-ui.css">
<link rel="icon" href="/api-docs/favicon-32x32.png">
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript; <a href="/openapi.json">/openapi.json</a> says the same to programs.</noscript>
<script src="/api-docs/swagger-ui-bundle.js"></script>
<script src="/api-docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, docExpansion: "none", filter: true, validatorUrl: null});
"""
OURS = {"start.js": START}


def routes(service: Service) -> Iterator[Route]:
    """The page and its files; nobody needs a token to read how to get one."""
    del service
    yield Route("GET", "/api-docs", page, "This description as a page", scope=None, is_checked=False, answers={HTML: {"type": "string"}})
    yield Route(
        "GET", "/api-docs/{file}", file, "A file of that page", scope=None, is_checked=False,
        answers={media: {"type": "string"} for media in FILES.values()}, errors=(404,),
    )  # fmt: skip


async def page(call: Call) -> web.StreamResponse:
    """``GET /api-docs``."""
    del call
    return web.Response(text=PAGE, content_type=HTML, headers={**HEADERS, "Content-Security-Policy": POLICY})


async def file(call: Call) -> web.StreamResponse:
    """``GET /api-docs/{file}``: one of the page's files, by name."""
    name = call.request.match_info["file"]
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=3600"}
    if name in OURS:
        return web.Response(text=OURS[name], content_type=SCRIPT, headers=headers)
    if name not in FILES:
        raise NotFound(f"the page has no file {name[:60]!r}")
    return web.FileResponse(folder() / name, headers={**headers, "Content-Type": FILES[name]})


@cache
def folder() -> Path:
    """Where the package keeps the page's files.  Raises Unavailable if it is not installed."""
    spec = find_spec(PACKAGE)  # it is not imported: only its files are wanted
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (found := Path(place, "static")).is_dir():
            return found
    raise Unavailable("the package swagger-ui-py is not installed; /openapi.json says the same to programs")
