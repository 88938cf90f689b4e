"""
The conformance kit: every built-in passes it, and it finds what is wrong with those that do not.

A connector's samples lie in ``tests/samples/<file>.json``, named after its file in ``connectors/``; their entries are made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from locker import conformance, plugin
from locker.connector import Archive, Archived, Body, Connector, Item
from locker.exam import Exam, Mark, keeps_the_contract
from locker.sample import Samples, beside

SAMPLES = Path(__file__).parent / "samples"
BUILT_IN = {
    path.stem: path for path in sorted(plugin.folder("connectors").iterdir()) if path.suffix in (".py", ".toml") and path.name[0] != "_"
}
REAL = {
    "imap": "test_connector_imap.py",
    "carddav": "test_connector_dav.py",
    "caldav": "test_connector_dav.py",
    "singer": "test_connector_singer.py",
}
"""Connectors of protocols that the kit has no stand-in for, and the tests that run them against a real server or program."""


def cases() -> Iterator[Any]:
    """Every check of every built-in; the checks of one connector share what an undisturbed run brought."""
    for stem, path in BUILT_IN.items():
        samples = conformance.samples_of(path)
        for connector in plugin.at(path):
            exam = Exam(connector, samples)
            for check in (keeps_the_contract,) if stem in REAL else conformance.checks(connector):
                yield pytest.param(stem, exam, check, id=f"{connector.name}-{check.__name__}")


CASES = list(cases())


@pytest.mark.parametrize(("stem", "exam", "check"), CASES)
def test_every_built_in_passes(stem: str, exam: Exam, check: conformance.Check) -> None:
    """Each check that is made for its kind holds for each built-in connector, over samples of its own."""
    if isinstance(exam.connector, Archived):
        assert exam.samples.files, f"add a sample archive to {SAMPLES.name}/{stem}.json"
    assert check(exam)


def test_whoever_is_not_played_meets_a_real_server() -> None:
    """A protocol that the kit cannot stand in for has tests of its own, against the real thing."""
    assert [] == [file for stem, file in REAL.items() if stem in BUILT_IN and not (Path(__file__).parent / file).exists()]


class Notes(Archived):
    """Reads one note per line, as a well-behaved connector does."""

    name = "notes"
    types = ("post",)
    title = "Notes"
    patterns = ("*.txt",)

    def read(self, archive: Archive) -> Any:
        for name in archive.names():
            with archive.open(name) as file:
                for line in file:
                    text = line.decode("utf-8", "replace").strip()
                    if text:
                        yield Item("post", text[:60], {"text": text})

    def map(self, type: str, body: Body) -> Body | None:
        return {"text": body["text"]}


def findings(connector: Connector, folder: Path) -> dict[str, Mark]:
    """What the kit says of a connector of notes, by the checks' names."""
    (folder / "notes.txt").write_text("one\ntwo\n")
    return {found.name: found for found in conformance.run(connector, Samples(files=(folder / "notes.txt",)))}


def test_a_good_one(tmp_path: Path) -> None:
    """A connector that does all it must passes every check, and is told how much of its samples was mapped."""
    found = findings(Notes(), tmp_path)
    assert {"passed"} == {one.outcome for one in found.values()}
    assert "2 of 2 post mapped" in found["reads_the_samples"].says


class Random(Notes):
    """Yields something else each time."""

    turn = 0

    def read(self, archive: Archive) -> Any:
        Random.turn += 1
        yield Item("post", f"k{self.turn}", {"text": "x"})


class Undeclared(Notes):
    types = ("link",)


class Raising(Notes):
    def map(self, type: str, body: Body) -> Body | None:
        return {"text": body["title"]}


class Changing(Notes):
    def map(self, type: str, body: Body) -> Body | None:
        return {"text": body.pop("text")}


class Null(Notes):
    def map(self, type: str, body: Body) -> Body | None:
        return {"text": body["text"], "author": None}


class Unfit(Notes):
    def map(self, type: str, body: Body) -> Body | None:
        return {"text": [body["text"]]}


class Nothing(Notes):
    def map(self, type: str, body: Body) -> Body | None:
        return None


class Fragile(Notes):
    def read(self, archive: Archive) -> Any:
        for name in archive.names():
            with archive.open(name) as file:
                yield Item("post", "all", {"text": file.read().decode("utf-8").splitlines()[1]})


class Nameless(Notes):
    name = "No Name"


@pytest.mark.parametrize(
    ("kind", "check", "says"),
    [
        (Random, "reads_the_same_again", "differently the second time"),
        (Random, "imports_nothing_twice", "importing notes.txt again appends 1 records"),
        (Undeclared, "reads_the_samples", "post is not among the types of notes: link"),
        (Raising, "reads_the_samples", "raises KeyError: 'title'"),
        (Changing, "reads_the_samples", "changes the body that it was given"),
        (Null, "reads_the_samples", "writes null for author"),
        (Unfit, "reads_the_samples", "does not fit its schema: post at /text"),
        (Nothing, "reads_the_samples", "map answers None for each of the 2 samples"),
        (Fragile, "survives_damage", "ends in IndexError|ends in UnicodeDecodeError"),
        (Nameless, "keeps_the_contract", "name is 'No Name'"),
    ],
)
def test_what_it_finds(tmp_path: Path, kind: type[Notes], check: str, says: str) -> None:
    """Each broken rule is found by its check, which says what to do."""
    found = findings(kind(), tmp_path)[check]
    assert "failed" == found.outcome
    assert any(part in found.says for part in says.split("|")), found.says


def test_samples_lie_beside(tmp_path: Path) -> None:
    """Samples are found beside the connector, in ``samples`` there, and for built-ins among the tests."""
    path = tmp_path / "x.py"
    assert beside(path) is None
    (tmp_path / "samples").mkdir()
    for folder in (tmp_path / "samples", tmp_path):
        (folder / "x.json").write_text("{}")
        assert folder / "x.json" == beside(path)
    assert SAMPLES / "mbox.json" == beside(BUILT_IN["mbox"])
