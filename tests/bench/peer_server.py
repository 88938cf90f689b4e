"""
What somebody would write by hand: aiohttp handlers that run fixed SQL in the event loop, and one that does nothing.

``python -m tests.bench.peer_server SPEC PORT``: the spec is JSON, ``{"file": <SQLite file>, "statements": [<SQL>, …]}``; ``/n?a=…`` answers the rows
of statement n with the parameters of the query, ``/nothing`` reads a body and answers ``{}``.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

from aiohttp import web

OWNER_MASK = (1 << 40) - 1


def make(spec: dict[str, object]) -> web.Application:
    """The application over a file and its statements."""
    statements = spec.get("statements")
    assert isinstance(statements, list)
    connection = None
    if statements:
        connection = sqlite3.connect(f"file:{spec['file']}?mode=ro", uri=True, isolation_level=None, cached_statements=256)
        connection.execute("PRAGMA mmap_size = 1073741824")

    async def answer(request: web.Request) -> web.Response:
        assert connection
        found = connection.execute(statements[int(request.match_info["n"])], dict(request.query)).fetchall()
        objects = [
            f'{{"id":"{id & OWNER_MASK}","time":"{time}","subtypes":{subtypes},"via":{via},"body":{body}}}'
            for id, time, subtypes, via, body, *_ in found
        ]
        return web.Response(text=f"[{','.join(objects)}]", content_type="application/json")

    async def nothing(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text="{}", content_type="application/json")

    app = web.Application()
    app.add_routes([web.get("/{n:[0-9]+}", answer), web.post("/nothing", nothing)])
    return app


def main() -> None:
    """Serve until somebody ends it."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    web.run_app(make(spec), host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=lambda _: print("ready", flush=True))


if __name__ == "__main__":
    main()
