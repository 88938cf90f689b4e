"""A site for the bench: ``python -m tests.bench.one_page FILE PORT`` answers every path with one page."""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import web


def main() -> None:
    """Serve until somebody ends it."""
    content = Path(sys.argv[1]).read_bytes()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type="text/html", charset="utf-8")

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=lambda _: print("ready", flush=True))


if __name__ == "__main__":
    main()
