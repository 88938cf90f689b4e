"""Samples: what an author gives is read, and what is wrong with it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from locker.error import Invalid, NotFound
from locker.sample import Given, Listed, Samples

WHOLE = {
    "account": {"id": "7"},
    "who": {"user": {}},
    "options": {"kind": "all"},
    "secrets": {"x": "y"},
    "streams": {"a": [1], "b": {"items": [2], "answer": {"l": "$items"}}},
    "replies": [
        {"path": "/x", "params": {"n": 1}, "json": []},
        {"path": "/y", "method": "POST", "status": 400, "headers": {"a": "b"}, "text": "<x/>"},
    ],
    "files": ["a.txt"],
}


def test_all_of_it() -> None:
    """Every member is read; files lie beside the samples."""
    made = Samples.of(WHOLE, Path("/here"))
    assert {"a": Listed((1,)), "b": Listed((2,), {"l": "$items"})} == made.streams
    assert (Given("/x", params={"n": "1"}, body=b"[]"), Given("/y", "POST", {}, 400, {"a": "b"}, b"<x/>")) == made.replies
    assert ({"user": {}}, (Path("/here/a.txt"),)) == (made.who, made.files)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "must be an object with account, who"),
        ({"stream": {}}, "has stream, which means nothing here"),
        ({"streams": []}, "streams must be an object of lists"),
        ({"streams": {"a": []}}, "the stream a must be a list of entries"),
        ({"streams": {"a": {"item": []}}}, "the stream a has item"),
        ({"account": {"id": 7}}, "account must be an object of texts"),
        ({"replies": [{"json": 1}]}, "replies\\[0\\].path must be"),
        ({"replies": [{"path": "/", "body": 1}]}, "replies\\[0\\] has body"),
        ({"files": "a"}, "files a list of names"),
    ],
)
def test_mistakes(value: Any, says: str) -> None:
    """What is wrong is named, with what is accepted."""
    with pytest.raises(Invalid, match=says):
        Samples.of(value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """A missing file and one that is no JSON are told by their name."""
    with pytest.raises(NotFound, match=r"none\.json"):
        Samples.load(tmp_path / "none.json")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(Invalid, match=r"x\.json"):
        Samples.load(tmp_path / "x.json")
