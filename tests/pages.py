"""
A web server on loopback whose pages a test chooses, with the mishaps that the web has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

PARAGRAPH = "The council of the town decided on Monday that the old bridge over the river stays where it is, for good and for all of us."


def page(title: str, text: str = PARAGRAPH, *, head: str = "", lang: str = "en") -> str:
    """A page with an article of three paragraphs."""
    body = "".join(f"<p>{text} ({n})</p>" for n in range(3))
    return f'<html lang="{lang}"><head><title>{title}</title>{head}</head><body><nav>Home</nav><article><h1>{title}</h1>{body}</article></body></html>'


@dataclass(slots=True)
class Site:
    """*pages* by path: a text, bytes, or a ready answer; *asked* is every path that was asked for, *url* the server's address."""

    url: str = ""
    pages: dict[str, str | bytes | web.Response] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The page of a path, or 404."""
        self.asked.append(request.path_qs)
        self.authorizations.append(request.headers.get("Authorization"))
        found = self.pages.get(request.path_qs, self.pages.get(request.path))
        if isinstance(found, web.Response):
            return web.Response(status=found.status, headers=found.headers, body=found.body)
        if found is None:
            return web.Response(status=404, text="not here")
        body = found.encode() if isinstance(found, str) else found
        return web.Response(body=body, headers={"Content-Type": self.types.get(request.path, "text/html; charset=utf-8")})


@asynccontextmanager
async def site(**pages: str) -> AsyncIterator[Site]:
    """A site with some pages by name: ``one`` is ``/one``."""
    made = Site(pages={f"/{name}": text for name, text in pages.items()})
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()
