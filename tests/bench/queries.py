"""
Term queries over HTTP: the three sample calls, with values that change, against the same SQL by hand and in Datasette.
"""

from __future__ import annotations

import json
import re
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlencode

from locker.locker import Locker
from locker.projection import OWNER_BITS
from locker.query import Reader
from locker.search import Search, compile_search
from locker.term import parse

from . import load, people, servers
from .measure import Run, child
from .report import Row, compared

CONNECTIONS = 16
SECONDS = 2.0
VARIANTS = 24
KINDS = ("mails", "photos", "contacts")


@dataclass(frozen=True, slots=True)
class Question:
    """One query: which sample call it is like, its search, and its path at our server."""

    kind: str
    search: Search
    path: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in the words of each server."""

    ours: str
    hand_written: str
    datasette: str


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """All figures of querying a locker with *count* contacts, and a tenth as many mails and photos."""
    data = large_locker(room, count)
    asked, spec, file = prepare(room, data, count)
    with servers.running(*start(data, spec, file)) as found:
        objects = {kind: sum(same(found, each) for each in asked[kind][:4]) / 4 for kind in KINDS}
        print("objects in an answer:", ", ".join(f"{kind} {count:.1f}" for kind, count in objects.items()))
        seconds = SECONDS if count >= 10_000 else 0.2
        every = [each for group in zip(*asked.values(), strict=True) for each in group]
        rows = compare("queries, three samples mixed", found, every, min(rounds, 3), seconds, aims=True)
        for kind in KINDS:
            rows += compare(f"  {kind}", found, asked[kind], 1, seconds)
        rows.append(Row("memory of the server", found[0].memory(peak=True), "MiB", found[-1].name, found[-1].memory(peak=True)))
    return rows


def start(data: Path, spec: Path, file: Path) -> list[servers.Server]:
    """Our server, the hand-written one, and Datasette if it is installed (``pip install -e '.[bench]'``)."""
    found = [servers.locker(data), servers.hand_written(spec)]
    return [*found, servers.datasette(file)] if find_spec("datasette") else found


def large_locker(room: Path, count: int) -> Path:
    """A locker with contacts, mails and photos in it, made once for all benches of a run."""
    data = room / f"locker-{count}"
    if not data.exists():
        child("fill", data=data, archive=people.write(room / "mixed.ndjson", people.mixed(count)), room=room)
    return data


def questions(crowd: people.Crowd) -> list[Question]:
    """Variants of the three sample calls, in the spelling of their document."""
    found = []
    for n in range(VARIANTS):
        one, other = people.sender(n % crowd.senders), people.sender((n + 7) % crowd.senders)
        terms = f"[to:'{people.receiver(n % people.RECEIVERS)}', (from:'{one}' OR from:'{other}'), tag:'singly']"
        found.append(
            Question(
                "mails", Search("message", "me", parse(terms), subtypes=("imap",)), f"/getMessages?subtypes=[IMAP]&terms={bare(terms)}"
            )
        )
        one, other = people.full_name(n % crowd.tagged), people.full_name((n + 11) % crowd.tagged)
        terms = f"[(tagged:'{one}' OR tagged:'{other}'), event:'{people.EVENTS[n % len(people.EVENTS)]}']"
        found.append(Question("photos", Search("photo", "me", parse(terms)), f"/getPhotos?terms={bare(terms)}"))
        state = people.CITIES[n % len(people.CITIES)][1]
        terms = f"[age:{20 + n % 4}+., address.state:'{state}', bio:'node.js']"
        found.append(Question("contacts", Search("contact", "me", parse(terms), limit=30), f"/getContacts?terms={bare(terms)}&limit=30"))
    return found


def bare(terms: str) -> str:
    """As ``curl -g`` sends it: blanks as %20, the rest as it is."""
    return quote(terms, safe="[]():,'+.@")


def prepare(room: Path, data: Path, count: int) -> tuple[dict[str, list[Asked]], Path, Path]:
    """The questions in every server's words, the specification of the hand-written one, and the file that Datasette opens: the read model itself."""
    statements: list[str] = []
    asked: dict[str, list[Asked]] = {kind: [] for kind in KINDS}
    with Locker(data) as locker:
        locker.catch_up()
        reader = locker.reader
        for question in questions(people.Crowd(count)):
            sql, texts = statement(reader, question.search)
            if sql not in statements:
                statements.append(sql)
            query = urlencode(texts)
            asked[question.kind].append(
                Asked(
                    load.get(question.path),
                    load.get(f"/{statements.index(sql)}?{query}"),
                    load.get(f"/{reader.path.stem}.json?{urlencode({'sql': sql, '_shape': 'arrays'})}&{query}"),
                )
            )
        file = reader.path
    spec = room / "spec.json"
    spec.write_text(json.dumps({"file": str(file), "statements": statements}))
    return asked, spec, file


def statement(reader: Reader, search: Search) -> tuple[str, dict[str, str]]:
    """The SQL that our reader runs for a page, numbers written out (HTTP has only texts), and its text parameters."""
    projection = reader._projections[search.type]
    compiled = compile_search(search, projection)
    with reader._pool.lend() as connection:
        owner = reader._owner(connection, search.owner)
        params = compiled.params | {"owner": owner, "first": owner << OWNER_BITS, "last": (owner + 1 << OWNER_BITS) - 1}
        route = reader._route(connection, compiled, search, params)
    sql = compiled.page(route.driver, few=route.few)
    params |= {"limit": search.limit + 1, "offset": 0}
    used = {name: value for name, value in params.items() if re.search(rf":{name}\b", sql)}
    for name, value in used.items():
        if not isinstance(value, str):
            sql = re.sub(rf":{name}\b", str(value), sql)
    return sql, {name: value for name, value in used.items() if isinstance(value, str)}


def compare(
    figure: str, found: tuple[servers.Server, ...], asked: list[Asked], rounds: int, seconds: float, *, aims: bool = False
) -> list[Row]:
    """Each server in its turn, several times."""
    words = [[each.ours for each in asked], [each.hand_written for each in asked], [each.datasette for each in asked]]
    runs: list[list[Run]] = [[] for _ in found]
    for number in range(rounds):
        order = list(range(len(found)))
        for index in order if number % 2 == 0 else reversed(order):
            runs[index].append(measured(found[index], words[index], CONNECTIONS, seconds))
    ours, by_hand, *others = (Run.middle(each) for each in runs)
    rows = [compared(figure, ours, "the same SQL in aiohttp by hand", by_hand, aim=0.6 if aims else None, note=latency(ours))]
    return rows + [
        compared(figure, ours, "Datasette", theirs, aim=10 if aims else None, note=latency(theirs, "Datasette: ")) for theirs in others
    ]


def measured(server: servers.Server, requests: list[str], connections: int, seconds: float, first: int = 0) -> Run:
    """Some load on a server, after a short warm-up."""
    load.finish(load.start(server.port, connections, min(0.3, seconds), requests, first=first))
    cpu = server.processor()
    seen = load.finish(load.start(server.port, connections, seconds, requests, first=first + 10**9))
    more = {"middle": seen.middle, "slow": seen.slow, "longest": seen.longest}
    return Run(seen.done, seen.seconds, server.processor() - cpu, more=more)


def latency(run: Run, whose: str = "") -> str:
    """How long an answer took."""
    return f"{whose}{run.more['middle']:.1f} ms in the middle, {run.more['slow']:.1f} ms for one in a hundred"


def same(found: tuple[servers.Server, ...], asked: Asked) -> int:
    """How many objects an answer has.  Stops the bench if the servers do not agree: then their speed does not matter."""
    counts = []
    for server, request in zip(found, (asked.ours, asked.hand_written, asked.datasette), strict=False):
        path = request.split(" ")[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=60) as answer:
            value = json.load(answer)
        counts.append(len(value["rows"] if isinstance(value, dict) else value))
    limit = 30 if "Contacts" in asked.ours else 20
    if len({min(count, limit) for count in counts}) != 1:
        raise SystemExit(f"the servers answer {counts} objects to {asked.ours.splitlines()[0]}")
    return counts[0]
