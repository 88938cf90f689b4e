"""
A service with one long list, newest first, as pages that were rendered before anybody asks: what syncing is measured against.

``python -m tests.bench.page_server COUNT,SIZE,MILLISECONDS PORT``: ``/items?page=n`` answers the n-th page of so many items after so long, as a service
that is not on this machine does.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web

from . import people


def make(count: int, size: int, milliseconds: int) -> web.Application:
    """The application."""
    items = [{**people.contact(n), "id": n} for n in range(count, 0, -1)]
    pages = [json.dumps(items[start : start + size]).encode() for start in range(0, count, size)]

    async def page(request: web.Request) -> web.Response:
        if milliseconds:
            await asyncio.sleep(milliseconds / 1000)
        number = int(request.query["page"])
        return web.Response(body=pages[number - 1] if number <= len(pages) else b"[]", content_type="application/json")

    app = web.Application()
    app.router.add_get("/items", page)
    return app


def main() -> None:
    """Serve until terminated."""
    count, size, milliseconds = map(int, sys.argv[1].split(","))
    web.run_app(
        make(count, size, milliseconds),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        print=lambda _: print("ready", flush=True),
        access_log=None,
    )


if __name__ == "__main__":
    main()
