"""
Tags all articles anew after the dictionary changed; whoever is interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .composer import Composer
from .error import NotFound
from .log import Logbook
from .reading import ARTICLE, Reading
from .tagging import Tags

PAGE = 200
TABLE = "CREATE TABLE IF NOT EXISTS retagged (one INTEGER PRIMARY KEY CHECK (one = 1), tags INTEGER NOT NULL, owner TEXT NOT NULL, n INTEGER NOT NULL)"
_NEXT = (
    "SELECT c.owner, m.object FROM collections c JOIN members m ON m.collection = c.id WHERE c.type = 'article' AND m.member LIKE 'web:%' "
    "AND m.object IS NOT NULL AND (c.owner, m.object) > (?, ?) GROUP BY c.owner, m.object ORDER BY c.owner, m.object LIMIT ?"
)


@dataclass(slots=True)
class Retagged:
    """How many articles were looked at, and how many of them have other tags now."""

    seen: int = 0
    changed: int = 0


def retag(logbook: Logbook, composer: Composer, tags: Tags, reading: Reading, told: Callable[[int], None] = lambda _: None) -> Retagged:
    """Tag every article that a page gave anew; *told* hears how many were done.

    Where it stands is kept as of the newest tag: the same dictionary goes on there, another one begins anew.
    """
    tags.follow()
    version, done = tags.version, Retagged()
    logbook.transact(lambda connection: connection.execute(TABLE) and None)
    at: tuple[str, int] = next(
        ((owner, n) for owner, n in logbook.read("SELECT owner, n FROM retagged WHERE tags = ?", [version])), ("", 0)
    )
    while rows := logbook.read(_NEXT, [*at, PAGE]):
        waiting = []
        for owner, n in rows:
            try:
                article = reading.article(owner, n)
            except NotFound:  # somebody deleted it meanwhile
                continue
            done.seen += 1
            if (mentions := reading.mentioned(article)) != article.body.get("mentions", []):
                waiting.append(composer.editing(owner, ARTICLE, f"{ARTICLE}:{article.n}", {"mentions": mentions}, "system"))
        for edit in waiting:
            edit.result()
        done.changed += len(waiting)
        at = rows[-1][0], rows[-1][1]
        _remember(logbook, version, at)
        told(done.seen)
    logbook.transact(lambda connection: connection.execute("DELETE FROM retagged") and None)
    return done


def _remember(logbook: Logbook, version: int, at: tuple[str, int]) -> None:
    logbook.transact(lambda connection: connection.execute("INSERT OR REPLACE INTO retagged VALUES (1, ?, ?, ?)", (version, *at)) and None)
