"""``locker tag``: the dictionary, from the command line."""

from __future__ import annotations

import json as plain
import time
from pathlib import Path
from typing import Any

import pytest

from locker.locker import Locker
from locker.log import Draft
from locker.reading import Reading
from locker.retagging import retag

from .commands import json, locker, ok
from .pages import page

PARTIES: list[dict[str, Any]] = [
    {"name": "Centerpartiet", "type": "party", "aliases": ["Centern", "C"]},
    {"name": "Vänsterpartiet", "type": "Party"},
]


def saved(data: Path, count: int, text: str) -> None:
    """A locker with so many articles that speak of something."""
    with Locker(data) as opened:
        drafts = []
        for n in range(count):
            url = f"https://news.example/{n}"
            body = {"url": url, "page": {"url": url, "media_type": "text/html", "charset": "utf-8", "raw": page(f"Headline {n}", text)}}
            drafts.append(Draft.of("article/web", url, body, by="system"))
        opened.logbook.append("commons", "web", drafts)
        opened.catch_up()


def test_a_tag_is_made_listed_and_changed(tmp_path: Path) -> None:
    """Each command tells what stands after it."""
    data = tmp_path / "locker"
    assert {"id": "1", "name": "Centerpartiet", "type": "party", "aliases": ["Centern"]} == json(
        "tag", "add", "Centerpartiet", "--type", "Party", "--alias", "Centern", data=data
    )
    assert ["Centern", "C"] == json("tag", "add", "centerpartiet", "--type", "party", "--alias", "C", data=data)["aliases"]
    assert "tag 3 is Bridge (topic)" in ok("tag", "add", "Bridge", data=data)
    assert ["1"] == [each["id"] for each in json("tag", "list", "--type", "party", data=data)]
    assert ["1"] == [each["id"] for each in json("tag", "list", "--name", "centern", data=data)]
    assert "Bridge" in ok("tag", "list", data=data)
    assert ("C-partiet", []) == ((made := json("tag", "set", 1, "--name", "C-partiet", "--no-alias", data=data))["name"], made["aliases"])
    assert ["X"] == json("tag", "set", 1, "--alias", "X", data=data)["aliases"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("set", 1), 2),
        (("set", 1, "--alias", "x", "--no-alias"), 2),
        (("set", 99, "--name", "x"), 3),
        (("add", " "), 2),
        (("set", 2, "--name", "a"), 4),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: tuple[Any, ...], code: int) -> None:
    """In one line, with the code of its kind; nothing changes."""
    data = tmp_path / "locker"
    ok("tag", "add", "a", data=data)
    ok("tag", "add", "b", data=data)
    done = locker("tag", *arguments, data=data)
    assert code == done.exit_code, done.output
    assert ["a", "b"] == [each["name"] for each in json("tag", "list", data=data)]


@pytest.mark.parametrize("name", ["tags.json", "tags.csv"])
def test_many_tags_are_imported_and_again_changes_nothing(tmp_path: Path, name: str) -> None:
    """JSON or CSV; the types are folded, the aliases kept."""
    data, file = tmp_path / "locker", tmp_path / name
    rows = "\n".join(f"{each['name']},{each['type']},{'|'.join(each.get('aliases', []))}" for each in PARTIES)
    file.write_text(plain.dumps(PARTIES) if name.endswith("json") else f"name,type,aliases\n{rows}\n", encoding="utf-8")
    assert {"tags": 2, "added": 2} == json("tag", "import", file, data=data)
    assert {"tags": 2, "added": 0} == json("tag", "import", file, data=data)
    assert [("party", ["Centern", "C"]), ("party", [])] == [(each["type"], each["aliases"]) for each in json("tag", "list", data=data)]


@pytest.mark.parametrize(
    "text", ["{", "{}", "[1]", '[{"type": "x"}]', '[{"name": "good"}, {"name": ""}]', '[{"name": "a", "aliases": [1]}]']
)
def test_of_a_file_with_something_wrong_nothing_is_made(tmp_path: Path, text: str) -> None:
    """The message names the entry."""
    data, file = tmp_path / "locker", tmp_path / "tags.json"
    file.write_text(text)
    assert 2 == locker("tag", "import", file, data=data).exit_code
    ok("tag", "add", "only", data=data)
    assert ["only"] == [each["name"] for each in json("tag", "list", data=data)]


def test_thousands_of_tags_are_imported_in_batches(tmp_path: Path) -> None:
    """Dozens share a transaction: all are there, and each is found."""
    with Locker(tmp_path / "data", keys=tmp_path / "keys") as opened:
        before = time.monotonic()
        assert 2_000 == opened.tags.bring([(f"Person number{n}", "person", ()) for n in range(2_000)], "me")
        print(f"{2_000 / (time.monotonic() - before):,.0f} tags/s")
        assert [2_000] == list(opened.tags.find("Then came Person number1999 and went"))


def test_again_tags_what_was_saved_before(tmp_path: Path) -> None:
    """It says how many changed; then none do."""
    data = tmp_path / "locker"
    saved(data, 3, "Centern talade länge om bron över älven och om allt som skulle hända i landet.")
    ok("tag", "add", "Centerpartiet", "--type", "party", "--alias", "Centern", data=data)
    assert {"articles": 3, "changed": 3} == json("tag", "again", data=data)
    assert {"articles": 3, "changed": 0} == json("tag", "again", data=data)
    assert 3 == json("tag", "list", data=data)[0]["seen"]


def test_again_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done is not done again, unless the dictionary changed meanwhile."""
    data = tmp_path / "locker"
    saved(data, 7, "The heron stood in the water for as long as anybody could remember, and said nothing to anyone at all.")
    ok("tag", "add", "heron", data=data)
    monkeypatch.setattr("locker.retagging.PAGE", 3)

    class Interrupted(Exception):
        pass

    def interrupt(count: int) -> None:
        if count >= 3:
            raise Interrupted

    with Locker(data) as opened:
        parts = opened.logbook, opened.composer, opened.tags, opened.reading
        assert isinstance(opened.reading, Reading)
        with pytest.raises(Interrupted):
            retag(*parts, interrupt)
        assert 4 == (rest := retag(*parts)).seen
        assert 4 == rest.changed
        with pytest.raises(Interrupted):
            retag(*parts, interrupt)
        opened.tags.adding("water", "topic").result()
        assert (7, 7) == ((whole := retag(*parts)).seen, whole.changed)
