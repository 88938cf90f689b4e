"""
What texts, times and places in a body mean: folding, words, moments, values at a path, and the time= and subtypes= parameters.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.error import QueryError
from locker.term import Path, fold, leaves, moment, names, number, times, words
from tests.term_strategies import bodies, paths

HOUR = 3_600_000_000
MIDNIGHT = int(datetime(2011, 5, 18, tzinfo=UTC).timestamp()) * 1_000_000


@given(text=st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    """The folded form is a normal form."""
    assert fold(text) == fold(fold(text))


def test_folding_settles_for_every_character() -> None:
    """No character needs a second folding, alone or with the marks that make Greek and Turkish hard."""
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    assert [] == [c for c in characters if fold(c) != fold(fold(c))]
    assert [] == [c for c in characters[:0x3000] if fold(c + "\u0345\u0301") != fold(fold(c + "\u0345\u0301"))]


@pytest.mark.parametrize(("one", "other"), [("CA", "ca"), ("STRASSE", "straße"), ("É", "e\u0301"), ("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("K", "k")])
def test_strings_that_read_alike_fold_alike(one: str, other: str) -> None:
    """Letter case and the way an accent is encoded make no difference."""
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Node.js rocks", ["node", "js", "rocks"]),
        ("snake_case and kebab-case", ["snake", "case", "and", "kebab", "case"]),
        ("Cafe\u0301 CAFÉ", ["café", "café"]),
        ("“Straße”—nº 5", ["strasse", "nº", "5"]),
        ("हिन्दी", ["हिन्दी"]),
        ("日本語、東京", ["日本語", "東京"]),
        ("I ❤️ you 😀", ["i", "you"]),
        ("1\ufe0f\u20e3 x\ufe0fy", ["1", "xy"]),
        ("in\u00adfor\u00admation \u200fעברית\u200f", ["information", "עברית"]),
        ("e\u00ad\u0301t\u200bé", ["ét", "é"]),
        ("葛\U000e0100城", ["葛城"]),
        ("\u0301 x", ["x"]),
        ("...", []),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_and_digits(text: str, expected: list[str]) -> None:
    """Punctuation, blanks and pictures part words; accents and vowel signs belong to theirs."""
    assert expected == words(text)


@given(text=st.text() | st.text(alphabet="aeιαIK1_ .\u00ad\u0300\u0301\u0308\u0345\u200b\u200d\ufe0f\u1100\u1161\u0390\u1fb3İΣ"))
def test_words_of_the_words_are_the_same(text: str) -> None:
    """Splitting words joined by blanks gives the words again, and each is made of what the index keeps together."""
    found = words(text)
    assert found == words(" ".join(found))
    assert all(character.isalnum() or not character.isascii() for word in found for character in word)


@given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_the_full_text_index_splits_words_alike(texts: list[str]) -> None:
    """SQLite's FTS5 with the tokenizer ``ascii`` makes one token of each word and changes none."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE t USING fts5(x, tokenize='ascii')")
        database.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)")
        database.executemany("INSERT INTO t(rowid, x) VALUES (?, ?)", [(n, " ".join(words(text))) for n, text in enumerate(texts)])
        rows = database.execute("SELECT doc, term FROM v ORDER BY doc, offset").fetchall()
    assert [(n, word) for n, text in enumerate(texts) for word in words(text)] == rows


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("2011-05-18", MIDNIGHT, 24 * HOUR),
        ("2011-05-18T10:00", MIDNIGHT + 10 * HOUR, 1),
        ("2011-05-18T10:00:00Z", MIDNIGHT + 10 * HOUR, 1),
        ("2011-05-18T10:00:00.5Z", MIDNIGHT + 10 * HOUR + 500_000, 1),
        ("2011-05-18T10:00:00.123456789Z", MIDNIGHT + 10 * HOUR + 123_456, 1),
        ("2011-05-18T10:00+02:00", MIDNIGHT + 8 * HOUR, 1),
        ("2011-05-18T10:00:00-05:30", MIDNIGHT + 15 * HOUR + HOUR // 2, 1),
        ("2011-05-17T23:59:60Z", MIDNIGHT, 1),
        ("1970-01-01", 0, 24 * HOUR),
        ("1969-12-31T23:59:59.999999Z", -1, 1),
    ],
)
def test_a_date_is_its_day_and_a_date_time_an_instant(text: str, start: int, length: int) -> None:
    """Moments are microseconds since 1970 UTC, the end exclusive."""
    found = moment(text)
    assert found is not None
    assert (start, start + length, text) == (found.start, found.end, found.text)


NO_MOMENTS = [
    "", "2011", "2011-05", "2011-02-29", "2011-13-01", "0000-01-01", "2011-05-18T10", "2011-05-18T24:00", "2011-05-18T10:60",
    "2011-05-18T10:00:61", "2011-05-18 10:00", "2011-05-18T10:00:00+0200", "2011-05-18T10:00+24:00", " 2011-05-18", "2011-05-18\n",
    "20110518", "2011-05-18T10:00.5", "２０１１-05-18", "2011-05-18T10:00:00.1234567890Z", "1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_other_texts_are_no_moments(text: str) -> None:
    """Only a full date or date-time that is in the calendar is a moment; the rest stays text."""
    assert moment(text) is None


@given(at=st.datetimes(timezones=st.sampled_from([UTC])), minutes=st.integers(-23 * 60, 23 * 60))
def test_moments_agree_with_the_standard_library(at: datetime, minutes: int) -> None:
    """For every time that Python can write, in any zone, the microseconds are the same."""
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    found = moment(at.replace(tzinfo=None).isoformat() + zone)
    expected = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) - minutes * 60_000_000
    assert found is not None
    assert expected == found.start


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("tag",), ["singly", "x"]),
        (("address", "state"), ["CA", None, "NY"]),
        (("address",), [{"state": "CA"}, {"state": [None, ["NY"]]}, {"city": "x"}, 5]),
        (("deep",), [1, 2, 3]),
        (("none",), [None]),
        (("empty",), []),
        (("missing",), []),
        (("tag", "x"), []),
        (("none", "x"), []),
    ],
)
def test_a_path_goes_through_arrays(path: Path, expected: list[Any]) -> None:
    """Arrays on the way and at the end are gone through in order; nothing is there where an object lacks the key."""
    body = {
        "tag": ["singly", "x"],
        "address": [{"state": "CA"}, {"state": [None, ["NY"]]}, {"city": "x"}, 5],
        "deep": [[1, [2]], [], [[3]]],
        "none": None,
        "empty": [[]],
    }
    assert expected == list(leaves(body, path))


def test_depth_of_a_body_does_not_matter() -> None:
    """A body nested far deeper than Python's stack is gone through like any other."""
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert [1] == list(leaves({"a": deep}, ("a",)))
    while isinstance(deep, list):  # taking it apart here keeps the interpreter from doing so recursively
        deep = deep.pop()


@given(body=bodies, path=paths)
def test_leaves_are_never_arrays(body: dict[str, Any], path: Path) -> None:
    """Whatever the body, what is found at a path is a scalar, None or an object."""
    assert not any(isinstance(leaf, list) for leaf in leaves(body, path))


def test_integers_are_exact_within_64_bits() -> None:
    """Beyond, they are doubles, as SQLite reads them from JSON."""
    assert [2**63 - 1, -(2**63), 2.0**63, float("inf"), float("-inf")] == [
        number(n) for n in (2**63 - 1, -(2**63), 2**63, 10**400, -(10**400))
    ]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("[2011]", "2011-01-01", "2012-01-01"),
        ("2011", "2011-01-01", "2012-01-01"),
        ("[2011-05]", "2011-05-01", "2011-06-01"),
        ("[2011-12]", "2011-12-01", "2012-01-01"),
        ("[2012-02]", "2012-02-01", "2012-03-01"),
        ("[2011-05-18]", "2011-05-18", "2011-05-19"),
        ("[2011,2012]", "2011-01-01", "2013-01-01"),
        ("[ '2011-05' , 2011-06-18 ]", "2011-05-01", "2011-06-19"),
        ("['2011','2012']", "2011-01-01", "2013-01-01"),
        ("[2011-05-18T00:00Z,2011-05-19]", "2011-05-18", "2011-05-20"),
    ],
)
def test_a_time_is_its_whole_period(text: str, start: str, end: str) -> None:
    """A year, a month or a day is all of it; a range goes from the start of the first to the end of the second."""
    expected = [datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1_000_000 for day in (start, end)]
    assert expected == list(times(text))


def test_a_date_time_is_itself_and_an_integer_is_milliseconds() -> None:
    """The shortest periods: one microsecond, one millisecond; and the last year there is."""
    assert (MIDNIGHT, MIDNIGHT + 1) == times("[2011-05-18T00:00:00Z]")
    assert (1_300_000_000_000_000, 1_300_000_000_001_000) == times("1300000000000")
    assert (-1000, 0) == times("[-1]")
    assert times("[9999-12]")[1] == times("[9999]")[1]


NO_TIMES = [
    ("", 0), ("[]", 0), ("[1,2,3]", 0), ("[2012,2011]", 6), ("[2011-13]", 1), ("[2011-00]", 1), ("[0000]", 1), ("[2011,x]", 6),
    ("[2011", 5), ("[2011,]", 6), ("[2011-02-29]", 1), ("[1300000000000+]", 1), ("['2011]", 1), ("[2011 2012]", 1), ("9999999999999999", 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "position"), NO_TIMES)
def test_what_is_no_time_is_refused(text: str, position: int) -> None:
    """A time that cannot be read is refused at its place."""
    with pytest.raises(QueryError) as refusal:
        times(text)
    assert position == refusal.value.position


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[IMAP, 'twitter']", ["imap", "twitter"]), ("IMAP", ["imap"]), ('["a b"]', ["a b"]), ("[github.work,x-y_z]", ["github.work", "x-y_z"]), ("[]", [])],
)  # fmt: skip
def test_subtypes_are_names_in_any_case(text: str, expected: list[str]) -> None:
    """Bare or in quotes, with or without brackets, in lower case."""
    assert expected == names(text)


@given(text=st.text() | st.text(alphabet="[]',2011-05T:Z\" "))
def test_no_text_makes_times_or_names_raise_anything_else(text: str) -> None:
    """Whatever the text, it is read or refused with a place inside it."""
    for read in (times, names):
        place = 0
        try:
            read(text)
        except QueryError as error:
            place = error.position
        assert 0 <= place <= len(text)
