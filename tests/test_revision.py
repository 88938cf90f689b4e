"""A revision, as notes say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.record import Body
from locker.revision import Revision


@given(st.text(), st.integers())
def test_a_note_keeps_a_revision(series: str, number: int) -> None:
    """Whatever its size, the number comes back exactly."""
    assert Revision(series, number) == Revision.of({**Revision(series, number).note, "late": True})


@pytest.mark.parametrize(
    "note", [None, {}, {"late": True}, {"series": "r"}, {"series": "r", "revision": "x"}, {"series": "r", "revision": None}]
)
def test_notes_without_one(note: Body | None) -> None:
    """A note that names no revision has none."""
    assert Revision.of(note) is None
