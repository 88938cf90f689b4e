"""
How the elements of a JSON file are cut out of it: one by one, strictly, and whatever surrounds them.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.connector import Archive, Blob, Problem
from locker.plugin import mount

mount("connectors")
members: Any = import_module("locker.connectors._json_members")

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(folder: Path, content: bytes, **options: Any) -> tuple[list[Any], list[Problem]]:
    """What a file with this content gives: elements, problems."""
    (folder / "a.json").write_bytes(content)
    with Archive(folder / "a.json") as archive:
        found = list(members.elements(archive, "a.json", **options))
    return [e for e in found if not isinstance(e, Problem)], [e for e in found if isinstance(e, Problem)]


@given(values=st.lists(documents, max_size=6), chunk=st.integers(1, 40), ascii=st.booleans(), indent=st.sampled_from([None, 1]))
def test_an_array_gives_its_elements(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], chunk: int, ascii: bool, indent: int | None
) -> None:
    """However the text is cut into chunks, the elements are those of the array, exactly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members, "CHUNK", chunk)
        text = json.dumps(values, ensure_ascii=ascii, indent=indent)
        elements, problems = read(tmp_path_factory.getbasetemp(), text.encode())
    assert ([], values) == (problems, [e.value for e in elements])


@pytest.mark.parametrize(
    "prefix", ["window.YTD.tweets.part0 = ", "Grailbird.data.tweets_2009_01 = \n ", "var user_details =  ", "\ufeff", "\ufeff x="]
)
def test_scripts_are_read_like_their_values(tmp_path: Path, prefix: str) -> None:
    """An assignment, a byte order mark and a closing semicolon are stepped over."""
    elements, problems = read(tmp_path, f"{prefix}[1, 2];\n".encode())
    assert ([], [1, 2]) == (problems, [e.value for e in elements])


def test_values_one_after_another(tmp_path: Path) -> None:
    """Pages that were glued together, and objects line by line, are all read; an object is one element."""
    elements, _ = read(tmp_path, b'[1][2, 3]\n{"a": [4]}\n')
    assert [1, 2, 3, {"a": [4]}] == [e.value for e in elements]
    assert ["element 1", "element 2", "element 3", "element 4"] == [e.place for e in elements]


def test_members_of_an_object(tmp_path: Path) -> None:
    """With a choice of names, an object's wanted members are given: arrays by element, anything else whole."""
    elements, problems = read(tmp_path, b'{"a": [1, 2], "b": {"c": 3}, "d": [4], "e": []}', within="abe".__contains__)
    assert [("a", "a 1", 1), ("a", "a 2", 2), ("b", "b", {"c": 3})] == [(e.name, e.place, e.value) for e in elements]
    assert [] == problems


@pytest.mark.parametrize(
    ("flawed", "mended", "reason"),
    [
        (b'{"a": "\\ud800"}', {"a": "\ufffd"}, "surrogate"),
        (b'{"a": 1, "a": 2}', {"a": 2}, "duplicate"),
        (b'{"a": NaN}', {"a": None}, "NaN"),
        (b'{"a": 1e999}', {"a": None}, "infinit"),
        (b'{"a": "x\ny"}', {"a": "x\ny"}, "control"),
    ],
)
def test_a_flawed_element_is_reported_and_kept(tmp_path: Path, flawed: bytes, mended: dict[str, Any], reason: str) -> None:
    """What strict JSON refuses is a problem with its place; its text and what it seems to say are kept, and its neighbours are untouched."""
    elements, problems = read(tmp_path, b"[1," + flawed + b",2]")
    assert [1, mended, 2] == [e.value for e in elements]
    assert {"raw": flawed.decode(), "mended": mended} == elements[1].body
    assert mended == members.mended(elements[1].body)
    assert ["element 2"] == [p.place for p in problems]
    assert reason in problems[0].reason


def test_bytes_that_are_no_text_are_kept_as_bytes(tmp_path: Path) -> None:
    """An element with a byte that is not UTF-8 keeps its bytes; the next one is read."""
    elements, problems = read(tmp_path, b'[{"a": "caf\xe9"}, {"a": "ok"}]')
    assert [{"a": "caf\ufffd"}, {"a": "ok"}] == [e.value for e in elements]
    assert Blob(b'{"a": "caf\xe9"}', "application/json") == elements[0].body["raw"]
    assert 1 == len(problems)


@pytest.mark.parametrize(
    "broken", [b"", b"  ", b"[1, 2", b'[1, 2, {"a"', b"[1, 2 3]", b'[1, 2, "x', b"[1, 2, tru", b"[1, 2}", b"[1, 2, " + b"[" * 100_000]
)
def test_broken_text_is_one_problem(tmp_path: Path, broken: bytes) -> None:
    """Text that ends early or is no JSON is told of once, after what could be read."""
    elements, problems = read(tmp_path, broken)
    assert [1, 2][: len(elements)] == [e.value for e in elements]
    assert 1 == len(problems)


@pytest.mark.parametrize("depth", [300, 900])
def test_a_deep_element_is_told_of_and_kept_as_text(tmp_path: Path, depth: int) -> None:
    """What is nested beyond all reason is no value that anybody could store; its neighbours are read."""
    deep = '{"a":' * depth + "1" + "}" * depth
    elements, problems = read(tmp_path, f"[1, {deep}, 2]".encode())
    assert [1, None, 2] == [e.value for e in elements]
    assert ["nested too deeply"] == [p.reason for p in problems]
    assert {"raw": deep, "mended": None} == elements[1].body


def test_a_broken_start_does_not_read_the_whole_file(tmp_path: Path) -> None:
    """A real mistake is told at once, not searched for to the end of a long file."""
    (tmp_path / "a.json").write_bytes(b"[1, oops" + b" " * 10 * members.CHUNK)
    with Archive(tmp_path / "a.json") as archive:
        list(members.elements(archive, "a.json"))
        assert archive.done <= 2 * members.CHUNK


@pytest.mark.parametrize("number", ["-1.25e+16", "1.0", "12345", "-0.5E-3"])
def test_a_number_may_be_cut_anywhere(tmp_path: Path, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is split between two chunks is still one number."""
    monkeypatch.setattr(members, "CHUNK", 1)
    assert [json.loads(number)] == [e.value for e in read(tmp_path, f"[{number}]".encode())[0]]
    assert [json.loads(number)] == [e.value for e in read(tmp_path, number.encode())[0]]


def test_long_numbers_stay_exact(tmp_path: Path) -> None:
    """Ids beyond 64 bits are not rounded."""
    elements, problems = read(tmp_path, b"[123456789012345678901234567890]")
    assert ([123456789012345678901234567890], []) == ([e.value for e in elements], problems)
