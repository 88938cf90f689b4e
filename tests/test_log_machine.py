"""The log against a plain dict: things come, change, go and return, while handles are abandoned, files reopened and the clock jumps."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from locker.draft import Draft
from locker.error import Conflict
from locker.log import Logbook, Outcome
from locker.record import Body, Op, canonical

SOURCES = st.sampled_from(["github", "vcard.work"])
KEYS = st.sampled_from(["1", "Ünï 🎈", "a\0b", "a", "'; --"])
TYPES = st.sampled_from(["contact/x", "link/x"])
INTEGERS = st.integers() | st.integers(-(2**70), 2**70)
VALUES = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
BODIES = st.dictionaries(st.text(max_size=3), VALUES | st.lists(VALUES, max_size=3), max_size=3)

Thing = tuple[str, str, str]


@dataclass
class Said:
    """A record as the model expects it."""

    op: Op
    thing: Thing
    text: str
    reference: int | None


@dataclass
class Model:
    """What a log is, as a dict: per source the records in order, per thing where it stands."""

    logs: dict[str, list[Said]] = field(default_factory=dict)
    first: dict[Thing, int] = field(default_factory=dict)
    newest: dict[Thing, int] = field(default_factory=dict)
    order: list[tuple[str, int]] = field(default_factory=list)

    def last(self, thing: Thing) -> Said | None:
        """The newest record of a thing."""
        version = self.newest.get(thing)
        return None if version is None else self.logs[thing[0]][version - 1]

    def take(self, thing: Thing, body: Body | None) -> Op | None:
        """Add, edit, delete or nothing."""
        last = self.last(thing)
        if body is None:
            op: Op | None = "delete" if last and last.op != "delete" else None
        elif last is None:
            op = "add"
        else:
            op = "edit" if last.op == "delete" or last.text != canonical(body) else None
        if op is not None:
            text = canonical(body) if body is not None else last.text if last else ""
            log = self.logs.setdefault(thing[0], [])
            log.append(Said(op, thing, text, self.first.get(thing)))
            self.first.setdefault(thing, len(log))
            self.newest[thing] = len(log)
            self.order.append((thing[0], len(log)))
        return op


class Logging(RuleBasedStateMachine):
    """One logbook, and what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.folders = 0
        self.path = self.root / "0" / "log.sqlite"
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.model = Model()
        self.logbook = self.open()
        self.abandoned: list[Logbook] = []

    def open(self) -> Logbook:
        """A handle on the file as it lies there."""
        return Logbook(self.path, clock=lambda: self.now)

    @rule(source=SOURCES, said=st.lists(st.tuples(TYPES, KEYS, st.none() | BODIES), min_size=1, max_size=5))
    def append(self, source: str, said: list[tuple[str, str, Body | None]]) -> None:
        """A page of items: each becomes what the model says."""
        outcomes = self.logbook.append("me", source, [Draft.of(*item) for item in said])
        for outcome, (type, key, body) in zip(outcomes, said, strict=True):
            thing = (source, type, key)
            op = self.model.take(thing, body)
            wanted = (op, self.model.newest.get(thing, 0), self.model.first.get(thing, 0))
            assert op is not None or outcome.position == 0
            assert wanted == (outcome.op, outcome.version, outcome.first)

    @rule(source=SOURCES, type=TYPES, key=KEYS, body=BODIES, off=st.integers(0, 2))
    def append_expecting(self, source: str, type: str, key: str, body: Body, off: int) -> None:
        """Whoever saw another version than what stands gets a Conflict, and nothing is appended."""
        thing = (source, type, key)
        seen = self.model.newest.get(thing, 0)
        draft = Draft.of(type, key, body, expect=seen + off)
        if off:
            with pytest.raises(Conflict):
                self.logbook.append("me", source, [Draft.of("link/x", "never", {}), draft])
        else:
            outcome: Outcome = self.logbook.append("me", source, [draft])[0]
            assert self.model.take(thing, body) == outcome.op

    @rule(seconds=st.integers(-100_000, 100_000))
    def set_clock(self, seconds: int) -> None:
        """The clock jumps, also back."""
        self.now += timedelta(seconds=seconds)

    @rule()
    def reopen(self) -> None:
        """Closed in order, and opened again."""
        self.logbook.close()
        self.logbook = self.open()

    @rule()
    def crash(self) -> None:
        """The machine stops: what lies on the disk at this moment is all there is, and the handle is never closed."""
        self.folders += 1
        folder = self.root / str(self.folders)
        shutil.copytree(self.path.parent, folder, ignore=shutil.ignore_patterns("*-shm"))
        self.abandoned.append(self.logbook)
        self.path = folder / self.path.name
        self.logbook = self.open()

    @rule()
    def open_beside(self) -> None:
        """Another handle goes on, and the old one is left behind: as when a process is killed and the next one starts."""
        self.abandoned.append(self.logbook)
        self.logbook = self.open()

    @invariant()
    def records_are_what_was_said(self) -> None:
        """Ids, operations, references and bodies of every record, in the one order; digests name salted bodies; times never fall."""
        records = self.logbook.since(limit=10_000)
        assert self.model.order == [(record.source, record.version) for record in records]
        for record in records:
            said = self.model.logs[record.source][record.version - 1]
            reference = None if said.reference is None else f"{record.source}:{said.reference}"
            thing = (record.source, record.type, record.key)
            assert (said.op, said.thing, said.text, reference) == (record.op, thing, record.text, record.reference)
            assert canonical(record.body) == record.text
        salts = self.logbook.read("SELECT salt, body FROM stored_events ORDER BY position")
        assert [sha256(salt + body.encode()).hexdigest() for salt, body in salts] == [record.digest for record in records]
        stamps = [record.timestamp for record in records]
        assert sorted(stamps) == stamps
        assert self.logbook.position == max((record.position for record in records), default=0)

    @invariant()
    def heads_are_where_things_stand(self) -> None:
        """Every thing has one head with its first and newest version and the plain digest of its body; the living are listed."""
        for source in ("github", "vcard.work"):
            wanted: dict[tuple[str, str], Any] = {}
            for (log, type, key), newest in self.model.newest.items():
                if source == log:
                    said = self.model.logs[log][newest - 1]
                    digest = sha256(said.text.encode()).digest()
                    wanted[type, key] = (self.model.first[log, type, key], newest, digest, int(said.op == "delete"))
            found = self.logbook.heads("me", source, limit=1000, deleted=True)
            assert wanted == {(head.type, head.key): (head.first, head.newest, head.digest, head.deleted) for head in found}
            living = [(head.type, head.key) for head in self.logbook.heads("me", source, limit=1000)]
            assert sorted(thing for thing, head in wanted.items() if not head[-1]) == living

    @invariant()
    def histories_are_whole(self) -> None:
        """The history of a thing is its first record and all that refer to it, in order."""
        for thing, first in self.model.first.items():
            source = thing[0]
            versions = [n for n, said in enumerate(self.model.logs[source], 1) if said.thing == thing]
            assert versions == [record.version for record in self.logbook.history("me", f"{source}:{first}")]

    def teardown(self) -> None:
        for logbook in [*self.abandoned, self.logbook]:
            logbook.close()
        shutil.rmtree(self.root)


TestLogging = Logging.TestCase
TestLogging.settings = settings(max_examples=40, stateful_step_count=20)
