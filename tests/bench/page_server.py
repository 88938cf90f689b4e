"""
A service with one long list, newest first, as pages that were rendered before anybody asks: what syncing is measured against.

``python -m tests.bench.page_server COUNT,SIZE PORT``: ``/items?page=n`` answers the n-th page of so many items, ``/asked`` how many pages were asked for.
"""

from __future__ import annotations

import json
import sys

from aiohttp import web

from . import people


def make(count: int, size: int) -> web.Application:
    """The application."""
    items = [{**people.contact(n), "id": n} for n in range(count, 0, -1)]
    pages = [json.dumps(items[start : start + size]).encode() for start in range(0, count, size)]
    asked = 0

    async def page(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        number = int(request.query["page"])
        return web.Response(body=pages[number - 1] if number <= len(pages) else b"[]", content_type="application/json")

    async def total(_: web.Request) -> web.Response:
        return web.json_response(asked)

    app = web.Application()
    app.router.add_get("/items", page)
    app.router.add_get("/asked", total)
    return app


def main() -> None:
    """Serve until terminated."""
    count, size = map(int, sys.argv[1].split(","))
    web.run_app(make(count, size), host="127.0.0.1", port=int(sys.argv[2]), print=lambda _: print("ready", flush=True), access_log=None)


if __name__ == "__main__":
    main()
