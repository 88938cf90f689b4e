"""
What somebody would write by hand for streams: aiohttp handlers over a copy of the read model's table, with SQL in the event loop.

``python -m tests.bench.stream_peer SPEC PORT``: the spec is JSON, ``{"file": <SQLite file>, "users": {<number>: <user>}}``.  ``GET /streams`` has the
filters of the original and the same answer as ours; ``POST /streams`` writes one row, durable when it is answered, and keeps no history.
"""

from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web

FIELDS = [
    "source",
    "link",
    "status",
    "is_pinned",
    "platform",
    "orientation",
    "kind",
    "city",
    "state",
    "notes",
    "title",
    "posted_by",
    "last_checked_at",
    "last_live_at",
    "created_at",
    "updated_at",
]
HOSTS = {"www.twitch.tv": "Twitch", "www.youtube.com": "YouTube", "www.tiktok.com": "TikTok", "www.facebook.com": "Facebook"}
MASK = (1 << 40) - 1
COLUMNS = [
    "owner",
    "time",
    "_source",
    "_link",
    "_status",
    "_platform",
    "_kind",
    "_posted_by",
    "_is_pinned",
    "_is_archived",
    "_user_id",
    "_last_checked_at",
    "_created_at",
    "_updated_at",
    "subtypes",
    "via",
    "body",
]
INSERT = f"INSERT INTO stream ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
WINDOW = timedelta(minutes=30)


class Streams:
    """The two handlers."""

    def __init__(self, file: str, users: dict[str, Any]) -> None:
        self._users = {int(number): user for number, user in users.items()}
        self._connection = connection = sqlite3.connect(file, isolation_level=None, cached_statements=256)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "mmap_size = 1073741824"):
            connection.execute(f"PRAGMA {pragma}")
        (self._owner,) = connection.execute("SELECT number FROM owners WHERE owner = 'commons'").fetchone()

    async def listing(self, request: web.Request) -> web.Response:
        """What is pinned first, then the newest; or by name."""
        query = request.query
        page, per_page = int(query.get("page", "1")), int(query.get("per_page", "25"))
        where, values = "owner = ? AND _is_archived IS NOT 1", [self._owner]
        for name, condition in (("status", "_status = ?"), ("notStatus", "_status IS NOT ?"), ("platform", "_platform = ?")):
            if name in query:
                where, values = f"{where} AND {condition}", [*values, query[name].lower()]
        if "user_id" in query:
            where, values = f"{where} AND _user_id = ?", [*values, int(query["user_id"])]
        execute, skip = self._connection.execute, (page - 1) * per_page
        # Left alone, SQLite takes other indexes than these, and is many times slower.
        by_time = "stream" if "user_id" in query else 'stream INDEXED BY "stream by time"'
        if query.get("sort") == "name":
            (total,) = execute(f"SELECT count(*) FROM {by_time} WHERE {where}", values).fetchone()
            order = "AND _source IS NOT NULL ORDER BY _source, id LIMIT ? OFFSET ?"
            rows = execute(f"SELECT id, body FROM stream WHERE {where} {order}", (*values, per_page, skip)).fetchall()
        else:
            total, pinned = execute(f"SELECT count(*), coalesce(sum(_is_pinned), 0) FROM {by_time} WHERE {where}", values).fetchone()
            order, by_pin = "ORDER BY time DESC, id DESC LIMIT ? OFFSET ?", 'stream INDEXED BY "stream by _is_pinned"'
            first = f"SELECT id, body FROM {by_pin} WHERE {where} AND _is_pinned = 1 {order}"
            rows = execute(first, (*values, per_page, skip)).fetchall() if skip < pinned else []
            rest = (*values, per_page - len(rows), max(0, skip - pinned))
            rows += execute(f"SELECT id, body FROM {by_time} WHERE {where} AND _is_pinned IS NOT 1 {order}", rest).fetchall()
        meta = {"current_page": page, "total_pages": -(-total // per_page), "total_count": total, "per_page": per_page}
        return _json({"streams": [self._shown(id, orjson.loads(body)) for id, body in rows], "meta": meta})

    async def create(self, request: web.Request) -> web.Response:
        """A new row, unless the same link was checked half an hour ago."""
        said = orjson.loads(await request.read())
        parts = urlsplit(said["link"])
        if parts.scheme not in ("http", "https") or not said["source"].strip():
            raise web.HTTPUnprocessableEntity
        now = datetime.now(UTC)
        at, user = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z", next(iter(self._users))
        execute = self._connection.execute
        recent = "SELECT 1 FROM stream WHERE owner = ? AND _link = ? AND _last_checked_at > ?"
        if execute(recent, (self._owner, said["link"].casefold(), micros(now - WINDOW))).fetchone():
            raise web.HTTPConflict
        body = {"status": "unknown", "kind": "stream", "platform": HOSTS.get(parts.hostname or "", "Other"), **said}
        body |= {"posted_by": self._users[user]["email"], "is_pinned": False, "is_archived": False, "user_id": user}
        body |= {"last_checked_at": at, "created_at": at, "updated_at": at}
        texts = [str(body[name]).casefold() for name in ("source", "link", "status", "platform", "kind", "posted_by")]
        times = [micros(now)] * 3
        id = execute(INSERT, (self._owner, at, *texts, 0, 0, user, *times, "[]", "[]", orjson.dumps(body).decode())).lastrowid
        return _json(self._shown(id or 0, body), 201)

    def _shown(self, id: int, body: dict[str, Any]) -> dict[str, Any]:
        shown = {"id": id & MASK, **{name: body.get(name) for name in FIELDS}}
        return shown | {"user": self._users[body["user_id"]]}


def micros(moment: datetime) -> int:
    """Microseconds since 1970, as the table has times."""
    return int(moment.timestamp() * 1_000_000)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def main() -> None:
    """Serve until somebody ends it."""
    spec = orjson.loads(Path(sys.argv[1]).read_bytes())
    streams, app = Streams(spec["file"], spec["users"]), web.Application()
    app.add_routes([web.get("/api/v1/streams", streams.listing), web.post("/api/v1/streams", streams.create)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=lambda _: print("ready", flush=True))


if __name__ == "__main__":
    main()
