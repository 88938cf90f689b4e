"""
The StreamSource dialect: lists with filters and creates over a commons full of streams, logins, and reads while logins flood.
"""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from locker.locker import Locker
from locker.password import Passwords

from . import load, servers, stream_data
from .measure import Run
from .queries import latency, measured
from .report import Row, compared, number

CONNECTIONS = 32
SECONDS = 2.0
FLOOD = 16
"""So many sign in at once, again and again."""
READERS = 24
TURNS = 4
POSTED = 10
"""Streams posted a second while lists are asked for."""
PART, LEAST = 0.3, 10.0
"""Of what the server can do: the load at which latencies are measured; never fewer a second than this."""
LONGEST = 30.0
BASE = "/api/v1/streams"
BY_HAND = "aiohttp by hand, the same table"


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """All figures of a commons with *count* streams."""
    data, keys, seconds = room / "streams", room / "keys", SECONDS if count >= 10_000 else 0.3
    users = stream_data.fill(data, keys, count)
    spec = room / "stream-peer.json"
    spec.write_text(json.dumps({"file": str(copied(data, room / "peer.sqlite")), "users": users}))
    with servers.running(server(data, keys), servers.start("aiohttp", ["tests.bench.stream_peer", str(spec)], "", "ready")) as (ours, peer):
        token = signed_in(ours, 0)
        lists = [signed(load.get(f"{BASE}?{query}"), token) for query in queries(list(users))]
        for request in lists:
            same(ours, peer, request)
        rows = [
            listed("list streams with filters", ours, peer, lists, rounds, seconds),
            listed(f"  while {POSTED} a second are posted", ours, peer, lists, rounds, seconds, posting(token)),
            created(ours, peer, token, rounds, seconds),
        ]
        signing = load.post("/api/v1/users/login", json.dumps({"email": stream_data.email(1), "password": stream_data.PASSWORD}))
        rows += logins(ours, signing, rounds, max(seconds, SECONDS))
        reads = lists + [signed(load.get(f"{BASE}/{n}"), token) for n in range(1, count, max(1, count // len(lists))) if n % 20 != 2]
        rows.append(flooded(ours, reads, signing, rounds, seconds))
        rows.append(Row("memory of the server", ours.memory(peak=True), "MiB", BY_HAND, peer.memory(peak=True)))
    return rows


def queries(users: list[int]) -> Iterator[str]:
    """What clients of the guide ask for: nothing in particular, one status, one's own, another page."""
    yield from ("", "page=2", "sort=name", "per_page=100", "notStatus=offline", "status=unknown&page=3")
    for platform in stream_data.PLATFORMS:
        yield from (f"status=live&platform={platform}", f"platform={platform}", f"notStatus=offline&platform={platform}")
    for user in users:
        yield from (f"user_id={user}", f"user_id={user}&status=live")


def server(data: Path, keys: Path) -> servers.Server:
    """Ours, without limits."""
    return servers.locker(data, "--keys", str(keys), "--login-limit", "0", "--signup-limit", "0")


def copied(data: Path, file: Path) -> Path:
    """The read model, for somebody else to write to."""
    with Locker(data) as locker:
        source = locker.reader.path
    connection = sqlite3.connect(source)
    connection.execute("VACUUM INTO ?", (str(file),))
    connection.close()
    return file


def signed_in(server: servers.Server, person: int) -> str:
    """A token of one of the people."""
    said = json.dumps({"email": stream_data.email(person), "password": stream_data.PASSWORD}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1/users/login", said, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["token"])


def signed(request: str, token: str) -> str:
    """A request with a token."""
    return request.replace("\r\n", f"\r\nAuthorization: Bearer {token}\r\n", 1)


def same(ours: servers.Server, peer: servers.Server, request: str) -> None:
    """Stop the bench if the two do not answer the same: then their speed does not matter."""
    found = [ask(server, request) for server in (ours, peer)]
    if found[0] != found[1]:
        raise SystemExit(f"the servers do not agree about {request.splitlines()[0]}:\n{str(found[0])[:1500]}\n{str(found[1])[:1500]}")


def ask(server: servers.Server, request: str) -> Any:
    """The answer to a request of the load generator's."""
    lines = request.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    asked = urllib.request.Request(f"http://127.0.0.1:{server.port}{lines[0].split(' ')[1]}", headers=headers)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


def posting(token: str) -> str:
    """Post a stream that nobody posted before."""
    said = json.dumps({"source": "streamer {n}", "link": "https://www.twitch.tv/{n}", "status": "live", "city": "Austin"})
    return signed(load.post(BASE, said), token)


def in_turns(
    figure: str, ours: servers.Server, peer: servers.Server, requests: list[str], rounds: int, seconds: float, beside: str = ""
) -> tuple[Row, int]:
    """Both servers under the same requests, in both orders, and some of one more *beside*; and how many requests ours answered."""
    runs: dict[str, list[Run]] = {ours.name: [], peer.name: []}
    for turn in range(rounds):
        for each in (ours, peer) if turn % 2 == 0 else (peer, ours):
            first = (turn + 1) * 2 * 10**9 + (10**11 if beside else 0)
            writer = load.start(each.port, 1, seconds, [beside], module="paced", rate=POSTED, first=first) if beside else None
            runs[each.name].append(measured(each, requests, CONNECTIONS, seconds, first))
            if writer:
                load.finish(writer)
    mine, theirs = Run.middle(runs[ours.name]), Run.middle(runs[peer.name])
    note = f"{latency(mine)}; {latency(theirs, 'by hand: ')}"
    return compared(figure, mine, BY_HAND, theirs, aim=0.5, note=note), sum(run.operations for run in runs[ours.name])


def listed(
    figure: str, ours: servers.Server, peer: servers.Server, requests: list[str], rounds: int, seconds: float, beside: str = ""
) -> Row:
    """Lists with filters."""
    return in_turns(figure, ours, peer, requests, rounds, seconds, beside)[0]


def created(ours: servers.Server, peer: servers.Server, token: str, rounds: int, seconds: float) -> Row:
    """Streams that nobody posted before, each durable when it is answered."""
    everything = signed(load.get(BASE), token)
    before = ask(ours, everything)["meta"]["total_count"]
    row, done = in_turns("create streams", ours, peer, [posting(token)], rounds, seconds)
    assert ask(ours, everything)["meta"]["total_count"] >= before + done, "answered creates are missing from the list"
    return row


def logins(ours: servers.Server, signing: str, rounds: int, seconds: float) -> list[Row]:
    """How many can sign in, against hashing alone."""
    runs, alone = list[Run](), list[Run]()
    for _ in range(rounds):
        cpu = ours.processor()
        seen = load.finish(load.start(ours.port, FLOOD, seconds, [signing]))
        more = {"middle": seen.middle, "slow": seen.slow, "longest": seen.longest}
        runs.append(Run(seen.done, seen.seconds, ours.processor() - cpu, more=more))
        drain(ours)
        alone.append(hashed(seconds))
    mine, bare = Run.middle(runs), Run.middle(alone)
    cost = Row("one argon2id hash (19 MiB, two passes, one lane)", 1000 / bare.rate, "ms")
    return [cost, compared("sign in", mine, "the same hashes, nothing else", bare, note=latency(mine))]


def hashed(seconds: float) -> Run:
    """Verify one password again and again."""
    passwords, run = Passwords(), Run()
    known = passwords._hasher.hash(stream_data.PASSWORD.encode())
    while run.seconds < seconds:
        with run.watch(1):
            assert passwords._verify(known, stream_data.PASSWORD)
    passwords.close()
    return run


def flooded(ours: servers.Server, reads: list[str], signing: str, rounds: int, seconds: float) -> Row:
    """What one read in a hundred takes at a fixed load, while everybody signs in, as a multiple of what it takes when nobody does.

    In many short turns: what the machine does beside this is then in both.
    """
    rate = PART * median(measured(ours, reads, FLOOD, seconds / 2).rate for _ in range(rounds))
    calm, busy = list[load.Seen](), list[load.Seen]()
    for turn in range(rounds * TURNS if seconds >= SECONDS else 1):
        for is_busy in (False, True) if turn % 2 == 0 else (True, False):
            with flood(ours, signing, seconds) if is_busy else nothing():
                (busy if is_busy else calm).append(paced(ours, reads, seconds / 2, max(rate, LEAST)))
    before, after = median(each.slow for each in calm), median(each.slow for each in busy)
    middles = f"{median(each.middle for each in calm):.1f} → {median(each.middle for each in busy):.1f} ms in the middle"
    note = f"{number(rate)} reads/s; {before:.1f} → {after:.1f} ms for one in a hundred, {middles}"
    return Row("slow reads while logins flood, by those without", after / before, "×", most=2, note=note)


def paced(ours: servers.Server, reads: list[str], seconds: float, rate: float) -> load.Seen:
    """Reads at a fixed rate; for longer if a busy machine answered none in that time."""
    while not (seen := load.finish(load.start(ours.port, READERS, seconds, reads, module="paced", rate=rate))).slow and seconds < LONGEST:
        seconds *= 2
    return seen


@contextmanager
def flood(ours: servers.Server, signing: str, seconds: float) -> Iterator[None]:
    """Meanwhile everybody signs in."""
    process = load.start(ours.port, FLOOD, seconds * 100, [signing], until="stdin")
    try:
        yield
    finally:
        load.finish(process)
        drain(ours)


def drain(ours: servers.Server) -> None:
    """Wait until nobody waits for a hash any more: those who hung up are hashed all the same, and whoever comes now comes last."""
    signed_in(ours, 1)


@contextmanager
def nothing() -> Iterator[None]:
    """Meanwhile nothing else goes on."""
    yield
