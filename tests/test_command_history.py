"""``locker log`` and ``show``: records in their order, and what became of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from locker.draft import Draft
from locker.locker import Locker
from locker.record import loads
from tests.commands import filled, json, locker, ok, process


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A locker in which a card was edited and deleted, an object was edited and hidden by an app, and two objects became one."""
    folder = filled(tmp_path_factory.mktemp("history"))
    with Locker(folder) as opened:
        opened.push("me", "mine", [_person(n, [f"{n}@example.org"]) for n in (1, 2)])
        opened.catch_up()
        opened.push("me", "mine", [_person(2, ["1@example.org", "2@example.org"])])
        opened.logbook.append("me", "vcard", [Draft.of("contact/vcard", opened.record("me", "vcard:5").key, None)])
        opened.catch_up()
        opened.composer.edit("me", "contact", "contact:1", {"title": "Captain"}, by="app")
        opened.composer.edit("me", "contact", "contact:2", None, by="app")
        opened.catch_up()
    return folder


def _person(n: int, emails: list[str]) -> Any:
    return {"type": "contact", "key": str(n), "body": {"name": f"Person {n}", "emails": emails}}


def lines(text: str) -> list[dict[str, Any]]:
    """JSON, one to a line."""
    return [loads(line) for line in text.splitlines()]


def test_the_log_in_its_order(data: Path) -> None:
    """All sources' records, oldest first, without those of the collections; with --source those of one log, also of a collection."""
    records = lines(ok("log", "--json", data=data))
    assert ["vcard:1", "vcard:2"] == [each["id"] for each in records[:2]]
    assert {"vcard", "mbox", "bookmarks", "mine"} == {each["source"] for each in records}
    assert sorted(each["timestamp"] for each in records) == [each["timestamp"] for each in records]
    assert {"contact"} == {each["source"] for each in lines(ok("log", "--source", "contact", "--json", data=data))}
    assert len(records) == len(ok("log", data=data).splitlines())
    assert ["vcard:13", "delete"] == [ok("log", "--source", "vcard", data=data).splitlines()[-1].split()[n] for n in (0, 3)]


def test_since(data: Path) -> None:
    """--since an id: what comes after that record; --since a time: what came then or later; --limit: so many."""
    assert ["vcard:12", "vcard:13"] == [
        each["id"] for each in lines(ok("log", "--source", "vcard", "--since", "vcard:11", "--json", data=data))
    ]
    third = lines(ok("log", "--json", data=data))[-3]
    since = lines(ok("log", "--since", third["timestamp"], "--json", data=data))
    assert third["id"] in {each["id"] for each in since}
    assert {True} == {each["timestamp"] >= third["timestamp"] for each in since}
    assert "" == ok("log", "--since", "2999-01-01", data=data)
    everything = ok("log", data=data)
    assert everything == ok("log", "--since", "1999", data=data)
    assert everything.splitlines()[:2] == ok("log", "--limit", 2, data=data).splitlines()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["log", "--since", "vcard:999"], 3, "me has no record vcard:999"),
        (["log", "--since", "soon"], 2, "'soon' is no time"),
        (["log", "--source", "unheard"], 3, "there is no source 'unheard'; there are b"),
        (["show", "vcard:999"], 3, "me has no record vcard:999"),
        (["show", "contact:999"], 3, "me has no record contact:999"),
        (["show", "vcard"], 2, "'vcard' is not an id"),
        (["show", "vcard:1", "--owner", "you"], 3, "you has no record vcard:1"),
    ],
)
def test_wrong_calls(data: Path, arguments: list[str], code: int, said: str) -> None:
    """What is not there is said to be so."""
    done = locker(*arguments, data=data)
    assert (code, True) == (done.exit_code, said in done.stderr), done.output


def test_following_the_log(tmp_path: Path) -> None:
    """--follow tells of records as they come, also of another process; with --limit it ends by itself."""
    data = filled(tmp_path / "locker")
    with Locker(data) as opened:
        running = process("log", "--follow", "--since", "bookmarks:15", "--limit", 2, "--json", data=data)
        assert running.stdout
        opened.push("me", "mine", [_person(1, [])])
        assert "mine:1" == loads(running.stdout.readline())["id"]
        opened.push("me", "mine", [_person(2, [])])
        assert "mine:2" == loads(running.stdout.readline())["id"]
        running.communicate(timeout=20)
    assert 0 == running.returncode


def test_a_record_with_its_history(data: Path) -> None:
    """Of any version of a thing: that record, every version in order, and the objects that it is in."""
    shown = json("show", "mine:3", data=data)
    assert ("mine:3", ["mine:2", "mine:3"]) == (shown["record"]["id"], [each["id"] for each in shown["history"]])
    assert 1 == len(shown["objects"])
    text = ok("show", "mine:3", data=data)
    assert text.startswith("record mine:3: edit of contact/mine 2, at ")
    assert f"became {shown['objects'][0]}" in text
    assert ["mine:2", "add"] == [text.splitlines()[-2].split()[n] for n in (0, 3)]
    assert "became no object" in ok("show", "vcard:5", data=data)


def test_an_object_with_its_records(data: Path) -> None:
    """Of an object: what it says now, the records that it was made of, and its own history with who did it."""
    shown = json("show", "contact:1", data=data)
    assert ("contact:1", "Captain") == (shown["object"]["id"], shown["object"]["body"]["title"])
    assert ["mbox:2", "vcard:1"] == [each["id"] for each in shown["records"]]
    assert {"title": "Captain"} == shown["history"][-1]["patch"]
    text = ok("show", "contact:1", data=data)
    assert "object contact:1: contact of mbox, vcard, time " in text
    assert "app" in text.splitlines()[-1].split()


def test_a_hidden_object_has_a_history_still(data: Path) -> None:
    """What an app deleted is no object any more; its records and its history stay."""
    shown = json("show", "contact:2", data=data)
    assert shown["object"] is None
    assert "delete" == shown["history"][-1]["op"]
    assert "object contact:2 is deleted, since " in ok("show", "contact:2", data=data)


def test_a_merged_object_answers_for_its_survivor(data: Path) -> None:
    """The id of an object that was merged into another one shows that one, and says so."""
    with Locker(data) as opened:
        (merged,) = [each for each in opened.logbook.records("me", "contact") if each.note and "merged_into" in each.note]
    assert merged.note
    first = f"contact:{merged.key}"
    shown = json("show", first, data=data)
    assert merged.note["merged_into"] == shown["object"]["id"] != first
    assert f"object {shown['object']['id']} answers for {first}, which was merged into it" in ok("show", first, data=data)


def test_a_long_log_is_read_by_page(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the log, a page of it is in memory at a time."""
    pages: list[int] = []
    since: Callable[..., Any] = Locker(data).logbook.since.__func__  # type: ignore[attr-defined]

    def counted(self: Any, *arguments: Any, **more: Any) -> Any:
        pages.append(more["limit"])
        return since(self, *arguments, **more)

    monkeypatch.setattr("locker.command.history.PAGE", 10)
    monkeypatch.setattr("locker.log.Logbook.since", counted)
    count = len(ok("log", data=data).splitlines())
    assert {10} == set(pages)
    assert len(pages) > count / 10
