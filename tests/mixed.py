"""
Many people save, rate and read articles at the same time; afterwards all ways to count must agree.

``python -m tests.mixed`` sends ten thousand requests, 64 at a time; the suite a short form of it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp

from locker.account import KINDS
from locker.checker import check
from locker.guard import Guard
from locker.locker import Locker

from .accounts import PASSWORD, cheap
from .api_server import Server, served
from .pages import Site, page
from .test_api_articles import BASE, paper

AT_ONCE = 64
WORDS = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gorse", "Hazel")
WAYS = ("positive", "negative")
Counts = dict[str, dict[str, int]]
"""By tag: ``negative``, ``positive``, ``seen``; tags that nothing counts are left out."""

NEWEST = (
    "WITH newest AS (SELECT originator_id AS log, json_extract(state, '$.key') AS key, max(originator_version) AS version FROM stored_events "
    "WHERE originator_id LIKE ? GROUP BY 1, 2) SELECT found.value, count(DISTINCT newest.log || ' ' || newest.key) FROM newest "
    "JOIN stored_events AS record ON record.originator_id = newest.log AND record.originator_version = newest.version, "
    "json_each(record.body, ?) AS found WHERE record.topic <> 'record-deleted' GROUP BY 1"
)
"""How many living things of some logs have each value of a list: plain SQL over the log, as anybody can run it."""


@dataclass(slots=True)
class Crowd:
    """People with tokens, the addresses that they save, and what they were answered: how often each kind of request had each status."""

    server: Server
    tokens: list[str]
    urls: list[str]
    chance: random.Random
    saved: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    async def run(self, requests: int) -> None:
        """Send so many requests, ``AT_ONCE`` at a time."""
        left = iter(range(requests))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

            async def sender() -> None:
                for _ in left:
                    await self._one(session)

            await asyncio.gather(*(sender() for _ in range(AT_ONCE)))

    async def _one(self, session: aiohttp.ClientSession) -> None:
        token = self.chance.choice(self.tokens)
        kind = self.chance.choices(("add", "rate", "articles", "tags", "mine", "tag"), (30, 30, 10, 10, 10, 10))[0]
        # Nine of ten rate what they saved themselves.
        mine = self.saved.get(token if self.chance.random() < 0.9 else self.chance.choice(list(self.saved or {token: []})))
        if kind == "add" or not mine:
            said: Any = {"url": self.chance.choice(self.urls)}
            status, answer = await self._send(session, token, "POST", "/articles/add", said)
            if status in (200, 201):
                self.saved.setdefault(token, []).append(answer["response"]["article"])
            self.answers["add", status] += 1
            return
        article = self.chance.choice(mine)
        tags = [tag["tagid"] for tag in article["tagsInArticle"]]
        if kind == "rate":
            chosen = self.chance.sample(tags, self.chance.randint(1, len(tags))) if tags else ["none"]
            if self.chance.random() < 0.1:
                chosen.append("nonsense")
            said = {"ratings": [{"tagid": tag, "rating": self.chance.choice(WAYS)} for tag in chosen]}
            status, _ = await self._send(session, token, "POST", f"/articles/{article['articleid']}/rate", said)
        else:
            paths = {"articles": "/articles?limit=5&query=alder", "tags": "/tags", "mine": "/users/me/articles?limit=3"}
            path = paths.get(kind) or f"/tags/{tags[0] if tags else 1}"
            status, _ = await self._send(session, token, "GET", path, None)
        self.answers[kind, status] += 1

    async def _send(self, session: aiohttp.ClientSession, token: str, method: str, path: str, said: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with session.request(method, self.server.url + BASE + path, json=said, headers=headers) as answer:
            return answer.status, await answer.json() if answer.content_length != 0 else None


def crowd(server: Server, site: Site, people: int, pages: int, seed: int) -> Crowd:
    """So many people and pages; each page has some keywords."""
    chance = random.Random(seed)
    for n in range(pages):
        site.pages[f"/mixed{n}"] = page(f"Story {n}", head=f'<meta name="keywords" content="{", ".join(chance.sample(WORDS, 3))}">')

    async def sign_up() -> list[str]:
        accounts = server.locker.accounts
        return [(await accounts.sign_up(f"mixed{n}@example.org", PASSWORD)).owner for n in range(people)]

    tokens = [server.tokens.make(owner, KINDS) for owner in asyncio.run(sign_up())]
    return Crowd(server, tokens, [f"{site.url}/mixed{n}" for n in range(pages)], chance)


def told(server: Server) -> Counts:
    """The counts as the API tells them to anybody."""
    answer = server.get(f"{BASE}/tags").json()["response"]
    return counted({tag["tagid"]: tag["totalCounts"] for tag in answer["tags"]})


def logged(data: Path) -> Counts:
    """The counts by plain SQL over the log."""
    found: Counts = {}
    asked = [("%/saved", f"$.body.{way}", way) for way in WAYS] + [("commons/article", "$.body.mentions", "seen")]
    with closing(sqlite3.connect(f"file:{data / 'log.sqlite'}?mode=ro", uri=True)) as connection:
        for logs, path, name in asked:
            for tag, count in connection.execute(NEWEST, (logs, path)):
                found.setdefault(tag, {"negative": 0, "positive": 0, "seen": 0})[name] = count
    return counted(found)


def replayed(locker: Locker) -> Counts:
    """The counts of a read model that is made anew from the logs."""
    locker.rebuild()
    ids = [str(tag.n) for tag in locker.tags.all()]
    totals = {way: locker.reader.totals("saved", way, ids) for way in WAYS} | {"seen": locker.reader.totals("article", "mentions", ids)}
    return counted({id: {name: totals[name][id] for name in ("negative", "positive", "seen")} for id in ids})


def counted(counts: Counts) -> Counts:
    """Without the tags that nothing counts."""
    return {tag: each for tag, each in counts.items() if any(each.values())}


def prove(folder: Path, requests: int, *, people: int = 40, pages: int = 60, seed: int = 1) -> Counter[tuple[str, int]]:
    """Send the requests and compare; the answers by kind and status.  Raises AssertionError if two ways to count differ."""
    with Locker(folder / "data", keys=folder / "keys", guard=Guard((ip_network("127.0.0.0/8"),))) as locker:
        locker.accounts.passwords = cheap()
        with paper() as site, served(locker, trust_loopback=False, login_limit=0, signup_limit=0) as server:
            made = crowd(server, site, people, pages, seed)
            asyncio.run(made.run(requests))
            locker.catch_up()
            by_api, by_log = told(server), logged(locker.data)
        rated = sum(each[way] for each in by_api.values() for way in WAYS)
        assert by_log == by_api, "the log says otherwise than the API"
        assert by_log == replayed(locker), "a replay says otherwise than the log"
        assert rated >= made.answers["rate", 200] > 0, "ratings were lost"
        assert [] == list(check(locker))
    return made.answers


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"{given.requests:,} requests, seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        answers = prove(Path(folder), given.requests, people=200, pages=300, seed=given.seed)
    for (kind, status), count in sorted(answers.items()):
        print(f"{kind:10} {status} {count:7,}")
    print("the API, a replay and plain SQL over the log count the same")


if __name__ == "__main__":
    main()
