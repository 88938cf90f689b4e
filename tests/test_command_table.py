"""Tables on the command line: what fits is shown whole, and what is worth nothing when it is cut is never cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.command.table import CELL, LEAST, cell, clean, fitted, short, table


@given(st.lists(st.integers(1, CELL), min_size=1, max_size=8), st.integers(10, 300), st.sets(st.integers(0, 7)))
def test_widths_fit(widths: list[int], room: int, more: set[int]) -> None:
    """Nothing gets wider, what must stay whole does, and all together they fit, unless nothing is left that could give way."""
    whole = {0, *more}
    found = fitted(widths, room, whole)
    assert all(now <= before for now, before in zip(found, widths, strict=True))
    assert all(found[number] == widths[number] for number in whole if number < len(widths))
    total = sum(found) + 2 * (sum(map(bool, found)) - 1)
    last = len(widths) - 1
    assert total <= room or all(not width or number in whole or (number == last and width <= LEAST) for number, width in enumerate(found))
    assert found == list(widths) or sum(widths) + 2 * last > room


def test_a_narrow_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On 60 columns the id and the time are whole, long cells are cut, and a column that does not fit is left out."""
    monkeypatch.setattr("locker.command.table.WIDTH", 60)
    table(("id", "time", "title", "text", "from"), [("message:1", "2011-05-18 10:00:00", "t" * 30, "x" * 30, "imap")])
    head, row = capsys.readouterr().out.splitlines()
    assert ["id", "time", "title", "from"] == head.split()
    assert f"message:1  2011-05-18 10:00:00  {'t' * 21}…  imap"[:30] == row[:30]
    assert "…" in row
    assert len(row) <= 60


def test_a_long_last_column_goes_on_below(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With wrap the last column loses nothing."""
    monkeypatch.setattr("locker.command.table.WIDTH", 40)
    table(("name", "what"), [("a", "word " * 30)], wrap=True)
    out = capsys.readouterr().out
    assert 30 == out.count("word")
    assert len(out.splitlines()) > 3


def test_cells() -> None:
    """Lists, objects, switches and nothing, in few words on one line."""
    assert ["a, b", "x", "yes", "", '{"a":1}'] == [
        cell(["a", "b"]),
        cell({"text": "x", "city": "y"}),
        cell(True),
        cell(None),
        cell({"a": 1}),
    ]
    assert "one two" == short("one\n\ttwo")
    assert CELL == len(short("x" * 1000))


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    """Whatever the text, no control character and no change of direction comes through; the rest is unchanged."""
    found = clean(text)
    assert len(text) == len(found)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for c in found)
    assert all(a == b or b == "·" for a, b in zip(text, found, strict=True))
