"""
The Demokratiappen dialect: lists and searches over a commons full of articles, articles added, and what adding one is made of.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from locker import plugin
from locker.dictionary import Dictionary, Name
from locker.locker import Draft, Locker
from tests.pages import page
from tests.shared import DATA

from . import load, servers
from .measure import Run
from .queries import latency, measured
from .report import Row, compared
from .streams import ask, copied

BASE, BY_HAND = "/api/v1/articles", "aiohttp by hand, the same tables"
CONNECTIONS, SECONDS = 32, 2.0
TAGS, WORDS, PAGE = 200, 2000, 1000
ADDED = 16
NAMES, TEXT_BYTES = 10_000, 50_000
COMMONS = "commons"


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """All figures of a commons with *count* articles."""
    data, keys, seconds = room / "articles", room / "keys", SECONDS if count >= 10_000 else 0.3
    tags = fill(data, keys, count)
    spec = room / "article-peer.json"
    spec.write_text(json.dumps({"file": str(copied(data, room / "article-peer.sqlite")), "tags": tags}))
    options = ("--keys", str(keys), "--allow-networks", "127.0.0.0/8")
    with servers.running(
        servers.locker(data, *options), servers.start("aiohttp", ["tests.bench.article_peer", str(spec)], "", "ready")
    ) as both:
        ours, peer = both
        ids = list(tags)
        lists = [load.get(f"{BASE}?limit=20&offset={offset}") for offset in range(0, 400, 20)]
        by_tag = [load.get(f"{BASE}?limit=20&query={first},{second}") for first, second in zip(ids[::2], ids[1::2], strict=False)]
        found = [load.get(f"{BASE}?limit=20&q={word(n)}+{word(n + 1)}") for n in range(40)]
        for request in (lists[0], by_tag[0]):
            same(ours, peer, request)
        rows = [
            in_turns("list articles", ours, peer, lists, rounds, seconds),
            in_turns("articles by tags", ours, peer, by_tag, rounds, seconds),
            in_turns("search articles", ours, peer, found, rounds, seconds),
            added(ours, room, seconds),
        ]
    return [*rows, *parts(), *quality()]


def word(n: int) -> str:
    """One of the words that texts are made of."""
    return f"w{n % WORDS:04}"


def fill(data: Path, keys: Path, count: int) -> dict[str, dict[str, str]]:
    """Make a locker with so many articles of a few hundred words; its tags by id."""
    chance, began = random.Random(1), datetime(2026, 1, 1, tzinfo=UTC)
    with Locker(data, keys=keys) as locker:
        made = [locker.tags.adding(f"tag {n}", "topic") for n in range(TAGS)]
        ids = [str(each.result().n) for each in made]
        drafts = list[Draft]()
        for n in range(count):
            text = " ".join(word(int(chance.paretovariate(0.5)) + n % 7) for _ in range(300))
            mentions = [ids[(n + step * step) % TAGS] for step in range(5)]
            at = f"{began + timedelta(seconds=n):%Y-%m-%dT%H:%M:%SZ}"
            body = {"url": f"https://paper.example/{n}", "title": f"Article {n}", "text": text, "mentions": mentions, "published": at}
            drafts.append(Draft.of("article/bench", str(n), body))
            if len(drafts) == PAGE or n == count - 1:
                locker.logbook.append(COMMONS, "bench", drafts)
                drafts = []
        locker.catch_up()
        return {str(tag.n): {"name": tag.name, "type": tag.type} for tag in locker.tags.all()}


def same(ours: servers.Server, peer: servers.Server, request: str) -> None:
    """Stop the bench if the two do not answer the same articles: then their speed does not matter."""
    found = []
    for server in (ours, peer):
        said = json.dumps(ask(server, request)["response"]["articles"]).replace(f":{server.port}/", "/")
        found.append(json.loads(said))
    if found[0] != found[1]:
        raise SystemExit(f"the servers do not agree about {request.splitlines()[0]}:\n{str(found[0])[:1000]}\n{str(found[1])[:1000]}")


def in_turns(figure: str, ours: servers.Server, peer: servers.Server, requests: list[str], rounds: int, seconds: float) -> Row:
    """Both servers under the same requests, in both orders."""
    runs: dict[str, list[Run]] = {ours.name: [], peer.name: []}
    for turn in range(rounds):
        for each in (ours, peer) if turn % 2 == 0 else (peer, ours):
            runs[each.name].append(measured(each, requests, CONNECTIONS, seconds, (turn + 1) * 2 * 10**9))
    mine, theirs = Run.middle(runs[ours.name]), Run.middle(runs[peer.name])
    return compared(figure, mine, BY_HAND, theirs, aim=0.5, note=f"{latency(mine)}; {latency(theirs, 'by hand: ')}")


def added(ours: servers.Server, room: Path, seconds: float) -> Row:
    """Articles saved from local pages that nobody saved before, each fetched, extracted, composed, tagged and saved when it is answered."""
    pages = room / "site.html"
    pages.write_text(page("A page", head='<meta name="keywords" content="tag 1, tag 2">'))
    site = servers.start("site", ["tests.bench.one_page", str(pages)], "", "ready")
    try:
        said = load.post(f"{BASE}/add", json.dumps({"url": f"http://127.0.0.1:{site.port}/{{n}}"}))
        run = measured(ours, [said], ADDED, max(seconds, SECONDS), 10**11)
    finally:
        site.stop()
    return Row("add articles", run.rate, note=latency(run))


def parts() -> list[Row]:
    """What adding an article is made of, apart from waiting: one page read, one text looked through."""
    web = plugin.connectors()["web"]
    body: dict[str, Any] = {"url": "http://x.example/", "page": {"url": "http://x.example/", "raw": page("A page")}}
    chance = random.Random(1)
    letters = "abcdeghiklmnoprstuvåäö"
    vocabulary = ["".join(chance.choice(letters) for _ in range(chance.randint(3, 10))) for _ in range(2 * NAMES)]
    names = Dictionary(Name(str(n), f"{vocabulary[n]} {vocabulary[n + 1]}") for n in range(NAMES))
    text = ""
    while len(text.encode()) < TEXT_BYTES:
        text += " ".join(vocabulary[min(int(chance.paretovariate(0.6)), len(vocabulary) - 1)] for _ in range(50)) + ". "
    rows = [Row("  of which reading a short page", least(lambda: web.map("article", body)), "ms")]
    note = f"{NAMES:,} names, {TEXT_BYTES // 1000} kB"
    return [*rows, Row("  of which finding tags in a long text", least(lambda: names.find(text, "sv")), "ms", most=10.0, note=note)]


def least(run: Callable[[], object]) -> float:
    """The shortest of some runs, in milliseconds of this thread's processor time."""
    times = []
    for _ in range(12):
        before = time.thread_time()
        run()
        times.append((time.thread_time() - before) * 1000)
    return min(times)


def quality() -> list[Row]:
    """How much of recorded pages is read right, where the recordings are at hand: passages that must and must not be there, titles, dates."""
    folder = DATA / "articles-trafilatura"
    if not folder.is_dir():
        return []
    web, right, missing, wrong = plugin.connectors()["web"], 0, 0, 0
    titles, dates, milliseconds = list[bool](), list[bool](), list[float]()
    for url, said in json.loads((folder / "evaldata.json").read_text()).items():
        raw = (folder / "html" / said["file"]).read_text(errors="replace")
        before = time.thread_time()
        found = web.map("article", {"url": url, "page": {"url": url, "raw": raw}}) or {}
        milliseconds.append((time.thread_time() - before) * 1000)
        text = found.get("text", "")
        right += (there := sum(part in text for part in said["with"]))
        missing += len(said["with"]) - there
        wrong += sum(part in text for part in said["without"])
        titles += [said["title"].strip() == found.get("title", "").strip()] if said.get("title") else []
        dates += [found.get("published", "")[:10] == said["date"]] if said.get("date") else []
    f1 = 2 * right / (2 * right + missing + wrong)
    shown = f"titles {sum(titles)} of {len(titles)}, dates {sum(dates)} of {len(dates)}"
    middle = sorted(milliseconds)[len(milliseconds) // 2]
    return [Row("F1 of text in recorded pages", f1, "", note=shown), Row("  reading one of them", middle, "ms")]
