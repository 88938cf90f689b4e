"""``locker get``, ``list``, ``fields`` and ``via``: questions on the command line, answered as tables and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from locker.locker import Locker
from locker.record import loads
from tests.commands import filled, json, locker, ok


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A locker that these tests only ask."""
    folder = filled(tmp_path_factory.mktemp("asked"))
    with Locker(folder) as opened:
        hostile = {"name": "Evil \x1b[31m\x07 \u202eName", "emails": ["evil@example.org"], "bio": "\x9b2J"}
        opened.push("me", "mine", [{"type": "contact", "key": "1", "body": hostile}])
        opened.push("you", "mine", [{"type": "contact", "key": "1", "body": {"name": "Somebody of yours"}}])
        opened.catch_up()
    return folder


def test_a_table_by_default(data: Path) -> None:
    """One row for each object: id, time, its first fields, those that were asked about, where it came from."""
    lines = ok("get", "contacts", "address.state:'CA'", "--sort", "name", data=data).splitlines()
    assert ["id", "time", "name", "nicknames", "emails", "phones", "address.state", "from"] == lines[0].split()
    assert {"CA"} == {line.split()[-2].rstrip(",") for line in lines[1:] if line.endswith(" vcard") and "mbox" not in line}
    assert ["Amara", "Jonas", "Mara", "Priya", "Sofia", "Theo"] == [line.split()[3] for line in lines[1:]]
    assert lines[1].rstrip().endswith("vcard")


def test_json_is_a_bare_array(data: Path) -> None:
    """--json prints the objects as the HTTP interface does; --fields keeps these fields only."""
    (found,) = json("get", "contact", "name:'mara delgado'", data=data)
    assert ("contact:1", ["mbox:2", "vcard:1"]) == (found["id"], found["via"])
    (found,) = json("get", "contact", "name:'mara delgado'", "--fields", "name,address.state", data=data)
    assert {"name": "Mara Delgado", "address": [{"state": "CA"}]} == found["body"]


def test_ndjson_has_no_limit(data: Path) -> None:
    """--ndjson prints every object on a line of its own; with --limit so many."""
    total = json("get", "link", "COUNT()", data=data)["count"]
    lines = ok("get", "link", "--ndjson", data=data).splitlines()
    assert 15 == total == len(lines) == len({loads(line)["id"] for line in lines})
    assert 3 == len(ok("get", "link", "--ndjson", "--limit", 3, data=data).splitlines())


def test_pages(data: Path) -> None:
    """--limit and --offset walk through the order; the table says when there is more."""
    first = ok("get", "message", "--sort", "sent", "--limit", 2, data=data)
    assert "there are more; --offset 2 shows the next" in first
    ids = [each["id"] for each in json("get", "message", "--sort", "sent", "--limit", 5, data=data)]
    assert ids[2:4] == [each["id"] for each in json("get", "message", "--sort", "sent", "--limit", 2, "--offset", 2, data=data)]
    assert ids[::-1] == [each["id"] for each in json("get", "message", "--sort", "-sent", data=data)][-5:]
    assert "more" not in ok("get", "message", data=data)


def test_counts_and_facets(data: Path) -> None:
    """COUNT(…) prints the number alone; --count and --facets stand beside the objects."""
    assert "12\n" == ok("get", "message", "COUNT()", data=data)
    assert "12 in all" in ok("get", "message", "--limit", 1, "--count", data=data)
    answer = json("get", "contact", "--count", "--facets", "address.state,organization", "--limit", 1, data=data)
    assert 1 == len(answer["objects"]) < answer["total"]
    assert 6 == answer["facets"]["address.state"]["CA"]
    assert ["CA", "6"] in [line.split() for line in ok("get", "contact", "--facets", "address.state", data=data).splitlines()]


def test_more_than_terms(data: Path) -> None:
    """--time, --subtypes, --id and -q narrow what is found."""
    times = {each["time"][:4] for each in json("get", "message", data=data)}
    year = min(times)
    assert {year} == {each["time"][:4] for each in json("get", "message", "--time", f"[{year}]", data=data)}
    assert [] == json("get", "message", "--time", "[1999]", data=data)
    assert {"vcard"} <= {name for each in json("get", "contact", "--subtypes", "[VCard]", data=data) for name in each["subtypes"]}
    assert ["contact:1"] == [each["id"] for each in json("get", "contact", "--id", "vcard:1", data=data)]
    assert ["contact:1"] == [each["id"] for each in json("get", "contact", "-q", "hack night", data=data)]


def test_nothing_found_is_no_error(data: Path) -> None:
    """An answer may be empty: it says so, and the exit code is 0."""
    assert "no contact satisfies this\n" == ok("get", "contact", "name:nobody", data=data)
    assert [] == json("get", "contact", "name:nobody", data=data)


def test_each_owner_is_asked_alone(data: Path) -> None:
    """--owner or LOCKER_OWNER says whose data it is; nobody sees another's."""
    assert ["Somebody of yours"] == [each["body"]["name"] for each in json("get", "contact", "--owner", "you", data=data)]
    assert ["Somebody of yours"] == [each["body"]["name"] for each in loads(ok("get", "contact", "--json", data=data, LOCKER_OWNER="you"))]
    assert [] == json("get", "contact", "--owner", "nobody", data=data)


def test_a_wrong_query_shows_the_place(data: Path) -> None:
    """The message is one line; under it the query, and a caret under the mistake.  The exit code is 2."""
    done = locker("get", "contact", "age:21+., bio", data=data)
    assert 2 == done.exit_code
    said, query, caret = done.stderr.splitlines()
    assert said.startswith("locker: ")
    assert ("age:21+., bio", 10) == (query, caret.index("^"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["get", "unicorn"], 3, "there is no type 'unicorn'; there are article, contact"),
        (["get", "contact", "--limit", "-1"], 2, "--limit"),
        (["get", "contact", "--time", "soon"], 2, "'soon' is no time"),
        (["get", "contact", "--sort", "-"], 2, "--sort takes names of fields"),
        (["get", "contact", "--colour"], 2, "No such option"),
        (["list", "--type", "contact", "--subtype", "vcard"], 2, "exclude each other"),
        (["list", "--type", "unicorn"], 3, "there is no type 'unicorn'"),
        (["fields", "unicorn"], 3, "there is no type 'unicorn'"),
        (["via", "contact"], 2, "'contact' is not an id; ids look like github:1042"),
        (["via", "vcard:999"], 3, "me has no record vcard:999"),
        (["via", "contact:999", "--down"], 3, "there is no contact:999"),
    ],
)
def test_wrong_questions(data: Path, arguments: list[str], code: int, said: str) -> None:
    """A question that cannot be asked says why, and what could be."""
    done = locker(*arguments, data=data)
    assert code == done.exit_code
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_nothing_steers_the_terminal(data: Path) -> None:
    """Control characters of a stranger's data reach no terminal, neither in tables nor in JSON; JSON still says them."""
    for call in (["get", "contact", "name:*"], ["get", "contact", "--sort", "-id"], ["log"], ["show", "mine:1"], ["via", "mine:1"]):
        assert not set("\x1b\x07\x9b\u202e") & set(locker(*call, data=data).output)
    text = ok("get", "contact", "emails:'evil@example.org'", "--json", data=data)
    assert not set("\x1b\x07\x9b\u202e") & set(text)
    assert "Evil \x1b[31m\x07 \u202eName" == loads(text)[0]["body"]["name"]


def test_list(data: Path) -> None:
    """The types with their counts and sources; of one type its subtypes, of one subtype its types."""
    assert ["contact", "16", "mbox", "10,", "mine", "1,", "vcard", "12"] == ok("list", data=data).splitlines()[1].split()
    assert [{"name": "mbox", "count": 10}, {"name": "mine", "count": 1}, {"name": "vcard", "count": 12}] == json(
        "list", "--type", "contact", data=data
    )
    assert [{"name": "contact", "count": 10}, {"name": "message", "count": 12}] == json("list", "--subtype", "mbox", data=data)
    assert ["name", "count"] == ok("list", "--type", "contact", data=data).splitlines()[0].split()


def test_fields(data: Path) -> None:
    """The fields that objects have, with kinds and counts; of one source only with a subtype."""
    assert ["emails", "keyword", "16"] in [line.split() for line in ok("fields", "contacts", data=data).splitlines()]
    fields = {each["field"]: each["count"] for each in json("fields", "contact/mbox", data=data)}
    assert 10 == fields["emails"]
    assert 12 == {each["field"]: each["count"] for each in json("fields", "contact/vcard", data=data)}["name"]


def test_via(data: Path) -> None:
    """Up: the objects that came of a record, also of a later version of it; down: the records that made an object."""
    assert ["contact:1"] == [each["id"] for each in json("via", "vcard:1", data=data)]
    assert ["mbox:2", "vcard:1"] == [each["id"] for each in json("via", "contact:1", "--down", data=data)]
    assert "Mara Delgado" in ok("via", "vcard:1", data=data)
    assert ["vcard:1", "contact/vcard"] == [ok("via", "contact:1", "--down", data=data).splitlines()[2].split()[n] for n in (0, 3)]
    assert "nothing was composed from contact:1\n" == ok("via", "contact:1", data=data)
