"""
What somebody would write by hand for a list of articles: one aiohttp handler over a copy of the read model's tables, with SQL in the event loop.

``python -m tests.bench.article_peer SPEC PORT``: the spec is JSON, ``{"file": <SQLite file>, "tags": {<id>: {"name", "type"}}}``.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

MASK = (1 << 40) - 1
EXTRACT = 300
LISTED = "SELECT id, body FROM article WHERE owner = ? ORDER BY time DESC, id LIMIT ? OFFSET ?"
TAGGED = (
    'SELECT t.id, t.body FROM (SELECT object, count(*) AS n FROM "article.mentions" WHERE owner = ? AND value IN (SELECT value FROM json_each(?)) '
    "GROUP BY object) AS f CROSS JOIN article AS t ON t.id = f.object ORDER BY f.n DESC, t.time DESC, t.id LIMIT ? OFFSET ?"
)
FOUND = (
    "SELECT t.id, t.body FROM article_words AS w CROSS JOIN article AS t ON t.id = w.rowid WHERE article_words MATCH ? AND t.owner = ? "
    "ORDER BY w.rank LIMIT ? OFFSET ?"
)


class Articles:
    """The handler."""

    def __init__(self, file: str, tags: dict[str, dict[str, str]]) -> None:
        self._tags = tags
        self._connection = connection = sqlite3.connect(file, isolation_level=None, cached_statements=64)
        connection.execute("PRAGMA mmap_size = 1073741824")
        (self._owner,) = connection.execute("SELECT number FROM owners WHERE owner = 'commons'").fetchone()

    async def listing(self, request: web.Request) -> web.Response:
        """The newest first; by tags those with most of them; by words the best match."""
        query, base = request.query, f"http://{request.host}/api/v1"
        limit, offset = int(query.get("limit", "1000")), int(query.get("offset", "0"))
        wanted = [tag for tag in query.get("query", "").split(",") if tag]
        if wanted:
            rows = self._connection.execute(TAGGED, (self._owner, orjson.dumps(wanted).decode(), limit + 1, offset)).fetchall()
        elif "q" in query:
            rows = self._connection.execute(
                FOUND, (" ".join(f'"{word}"' for word in query["q"].split()), self._owner, limit + 1, offset)
            ).fetchall()
        else:
            rows = self._connection.execute(LISTED, (self._owner, limit + 1, offset)).fetchall()
        shown = [self._shown(base, id & MASK, orjson.loads(body), wanted) for id, body in rows[:limit]]
        more = {"next": ""} if len(rows) > limit else {}
        said = {"status_code": 200, "status_text": "OK", "response": {"articles": shown, "limit": limit, "offset": offset, **more}}
        return web.Response(body=orjson.dumps(said), content_type="application/json")

    def _shown(self, base: str, n: int, body: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
        tags = [{"tagid": id, **self._tags[id], "ref": f"{base}/tags/{id}"} for id in body["mentions"]]
        text = body["text"]
        cut = text if len(text) <= EXTRACT else text[: EXTRACT + 1].rpartition(" ")[0]
        made = {
            "articleid": str(n),
            "title": body["title"],
            "url": body["url"],
            "ref": f"{base}/articles/{n}",
            "tagsInArticle": tags,
            "extract": cut,
        }
        if wanted:
            made["matches"] = [{"tagid": id, "ref": f"{base}/tags/{id}"} for id in wanted if id in body["mentions"]]
        return made


def main() -> None:
    """Serve until somebody ends it."""
    spec = orjson.loads(Path(sys.argv[1]).read_bytes())
    articles, app = Articles(spec["file"], spec["tags"]), web.Application()
    app.add_routes([web.get("/api/v1/articles", articles.listing)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=lambda _: print("ready", flush=True))


if __name__ == "__main__":
    main()
