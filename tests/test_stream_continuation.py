"""
Which stream a post continues, against a model that looks at every stream there is; also after a restart and beside a second process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from locker import plugin
from locker.account import Account, Identity, Role, Token
from locker.locker import Locker, Seen
from tests.streamsource import START, Clock

plugin.mount("api")
writes: Any = import_module("locker.api._stream_writes")
continuation: Any = import_module("locker.api._stream_continuation")
tails: Any = import_module("locker.api._stream_tail")

LINKS = ["https://twitch.tv/a", "http://www.twitch.tv/a/", "https://twitch.tv/b", "https://youtu.be/a"]
HOSTS = {LINKS[0]: "Twitch", LINKS[1]: "Twitch", LINKS[2]: "Twitch", LINKS[3]: "YouTube"}
SAME = {LINKS[1]: LINKS[0]}
ROLES: list[Role] = ["default", "default", "editor"]


def person(number: int) -> Identity:
    """One of three people."""
    return Identity(
        Account(number, f"{number}@example.org", f"u{number}", ROLES[number]), f"u{number}", Token("", f"u{number}", frozenset(), 2**40)
    )


POST = st.fixed_dictionaries(
    {"do": st.just("post"), "link": st.sampled_from(LINKS), "source": st.sampled_from(["x", "X", "y"]), "who": st.integers(0, 2)},
    optional={"status": st.sampled_from(["live", "offline"])},
)
OTHER = st.fixed_dictionaries(
    {"do": st.sampled_from(["check", "title", "archive", "move"]), "which": st.integers(0, 5), "link": st.sampled_from(LINKS)}
)
STEPS = st.lists(st.tuples(st.sampled_from([0, 0, 1, 5, 29, 30, 31]), st.one_of(POST, POST, OTHER), st.booleans()), min_size=3, max_size=14)


@dataclass
class Model:
    """Every stream as a dictionary, and the rule as decisions §6 has it, word by word."""

    streams: list[dict[str, Any]] = field(default_factory=list)

    def continued(self, said: dict[str, Any], minute: int) -> dict[str, Any] | None:
        """The stream that a post must continue."""
        may = [
            stream
            for stream in self.streams
            if not stream["archived"]
            and minute - stream["checked"] <= 30
            and (ROLES[said["who"]] == "editor" or stream["who"] == said["who"])
        ]
        by_link = [stream for stream in may if SAME.get(stream["link"], stream["link"]) == SAME.get(said["link"], said["link"])]
        key = said["source"].casefold(), HOSTS[said["link"]]
        by_source = [stream for stream in may if (stream["source"].casefold(), stream["platform"]) == key]
        return max(by_link or by_source, key=lambda stream: (stream["checked"], stream["n"]), default=None)


@given(STEPS)
@settings(max_examples=100)
def test_a_post_continues_what_the_rule_says(steps: list[tuple[int, dict[str, Any], bool]]) -> None:
    """Posts by several people, checks, new titles, new links and archives, minutes between them, at one of two servers over one folder."""
    clock, model, minute = Clock(), Model(), 0
    with TemporaryDirectory() as folder, Locker(folder, clock=clock) as one, Locker(folder, clock=clock) as two:
        servers = [(one, continuation.Recent()), (two, continuation.Recent())]
        for passed, said, second in steps:
            minute += passed
            clock.now = START + timedelta(minutes=minute)
            locker, recent = servers[second]
            if said["do"] == "post":
                _post(locker, recent, model, said, minute)
            elif model.streams:
                _change(locker, model.streams[said["which"] % len(model.streams)], said, minute)


def _post(locker: Locker, recent: Any, model: Model, said: dict[str, Any], minute: int) -> None:
    sent = {name: said[name] for name in ("link", "source", "status") if name in said}
    decided = locker.composer.deciding("commons", "stream", writes.posting(recent, sent, person(said["who"])), "me").result()
    expected = model.continued(said, minute)
    if expected is None:
        assert decided.is_new
        expected = {"n": decided.n, "who": said["who"], "archived": False, "platform": HOSTS[said["link"]]}
        model.streams.append(expected)
    assert (expected["n"], expected["platform"]) == (decided.n, HOSTS[said["link"]]), model.streams
    assert said.get("status", "unknown" if decided.is_new else "live") == decided.body["status"]
    expected.update(link=said["link"], source=said["source"], checked=minute, platform=decided.body["platform"])


def _change(locker: Locker, stream: dict[str, Any], said: dict[str, Any], minute: int) -> None:
    if stream["archived"]:
        return
    n, editor = stream["n"], person(2)
    match said["do"]:
        case "check":
            decision = writes.editing(n, {"status": "offline"}, editor)
            stream["checked"] = minute
        case "title":
            decision = writes.editing(n, {"title": str(minute)}, editor)
        case "move":
            decision = writes.editing(n, {"link": said["link"]}, editor)
            stream.update(link=said["link"], platform=HOSTS[said["link"]])
        case _:
            decision = writes.archiving(n, editor)
            stream["archived"] = True
    locker.composer.deciding("commons", "stream", decision, "me").result()


class Log:
    """A collection's log that can lose its end, as a transaction does that fails."""

    def __init__(self, *digests: str) -> None:
        self.digests = list(digests)

    def since(self, version: int) -> Any:
        """The records from a version on."""
        return iter([Seen(at, at, "", digest, {}) for at, digest in enumerate(self.digests, 1) if at >= version])


@given(st.lists(st.tuples(st.integers(0, 3), st.lists(st.text("ab", max_size=1), max_size=3)), max_size=8))
def test_an_index_forgets_what_a_failed_transaction_had_written(steps: list[tuple[int, list[str]]]) -> None:
    """The log loses some of its end and grows differently, again and again: what an index has read is what stands."""
    log, tail, read = Log(), tails.Tail(), list[str]()
    for number, (lost, more) in enumerate(steps):
        log.digests = log.digests[: max(0, len(log.digests) - lost)] + [f"{each}{number}" for each in more]
        fits, records = tail.read(log, lambda: 1)
        read = read if fits else []
        read += [record.digest for record in records]
        assert log.digests == read


def test_a_stream_is_found_after_a_restart(tmp_path: Path) -> None:
    """The index is made of the log's last half hour alone."""
    clock, said = Clock(), {"source": "x", "link": LINKS[0]}
    with Locker(tmp_path, clock=clock) as locker:
        locker.composer.deciding("commons", "stream", writes.posting(continuation.Recent(), said, person(0)), "me").result()
    clock.on(minutes=29)
    with Locker(tmp_path, clock=clock) as locker:
        decided = locker.composer.deciding("commons", "stream", writes.posting(continuation.Recent(), said, person(0)), "me").result()

    assert not decided.is_new
