"""
The reader of anybody's JSON, NDJSON and CSV files.
"""

from __future__ import annotations

import csv
import io
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.archive import Archive
from locker.connector import Archived, Body, Problem
from locker.error import Invalid
from locker.plugin import mount
from locker.record import canonical
from tests.connectors import check_contract, mapped, read, read_checked, settled

GUIDE = Path(__file__).parents[1] / "docs" / "import-json.md"

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.lists(
    st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), VALUES, min_size=1, max_size=4), max_size=5
)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


def plain() -> Archived:
    """The reader without a mapping.  Its file is not called json.py, which is a standard module's name."""
    mount("connectors")
    reader = import_module("locker.connectors.json_file").JsonFile()
    assert isinstance(reader, Archived)
    return reader


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def with_mapping(folder: Path, mapping: Any) -> Archived:
    path = write(folder, "map.json", json.dumps(mapping))
    return plain().options({"mapping": str(path)})


def example(name: str) -> str:
    """A code block of the guide, by the comment above it."""
    found = re.search(rf"<!-- {re.escape(name)} -->\n```json\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"the guide has no {name}"
    return found[1]


def bodies(reader: Archived, path: Path) -> list[Body]:
    items, problems, _ = read(reader, path)
    assert [] == problems
    return [settled(item.body["document"]) for item in items if item.body]


def test_the_guides_example_gives_what_the_guide_says(tmp_path: Path) -> None:
    """The files printed in docs/import-json.md, imported as it says, give the fields it prints."""
    people, mapping = write(tmp_path, "people.json", example("people.json")), write(tmp_path, "map.json", example("map.json"))
    reader = plain().options({"mapping": str(mapping)})
    items, problems, _ = read_checked(reader, people)
    assert [] == problems
    assert ["1", "2"] == [item.key for item in items]
    assert json.loads(example("fields")) == mapped(reader, items[0])
    assert ["jer@example.com", "jeremie@example.org"] == mapped(reader, items[1])["emails"]
    assert json.loads(example("people.json"))["data"]["people"] == bodies(reader, people)


def test_objects_that_say_what_they_are_need_no_mapping(tmp_path: Path) -> None:
    """The guide's second example: type, key and body of each object; null means gone; without body the rest is the body."""
    items, problems, _ = read_checked(plain(), write(tmp_path, "pushed.ndjson", example("pushed.ndjson")))
    assert [] == problems
    assert [("contact", "17"), ("contact", "16")] == [(item.type, item.key) for item in items if item.type == "contact"]
    assert {"url": "https://lockerproject.example/", "title": "The Locker"} == items[1].body
    assert items[1].key.startswith("digest:")
    assert items[2].body is None


@pytest.mark.parametrize(
    "text",
    [
        '[{"type":"link","key":"a","body":{"url":"u"}},{"type":"link","key":"b","body":{"url":"v"}}]',
        '{"items":[{"type":"link","key":"a","body":{"url":"u"}},{"type":"link","key":"b","body":{"url":"v"}}]}',
        '{"type":"link","key":"a","body":{"url":"u"}}\n{"type":"link","key":"b","body":{"url":"v"}}\n',
        '{"type":"link","key":"a",\n "body":{"url":"u"}} {"type":"link","key":"b","body":{"url":"v"}}',
        "type,key,url\nlink,a,u\nlink,b,v\n",
        "\ufefftype;key;url\r\nlink;a;u\r\nlink;b;v\r\n",
    ],
)
def test_every_wrapping_of_the_same_objects_gives_the_same_items(tmp_path: Path, text: str) -> None:
    """An array, an array in an object, lines, values one after another, a table: what matters is the objects."""
    items, problems, _ = read_checked(plain(), write(tmp_path, "list", text))
    assert [] == problems
    assert [("link", "a", {"url": "u"}), ("link", "b", {"url": "v"})] == [(item.type, item.key, item.body) for item in items]


def test_a_file_of_another_kind_is_one_problem_that_says_what_to_do(tmp_path: Path) -> None:
    """A thousand foreign objects are one problem, and it names the mapping and the guide."""
    items, problems, _ = read(plain(), write(tmp_path, "x.json", json.dumps([{"id": n} for n in range(1000)])))
    assert [] == items
    assert 1 == len(problems)
    assert "mapping" in problems[0].reason
    assert "docs/import-json.md" in problems[0].reason


def test_a_foreign_object_with_a_type_of_its_own_is_told(tmp_path: Path) -> None:
    """A story of some news site is no object of ours only because it says type."""
    items, problems, _ = read(plain(), write(tmp_path, "x.json", '{"id":1,"type":"story","title":"T"}'))
    assert [] == items
    assert ["type story is none of contact, message"] == [problem.reason[:38] for problem in problems]


def test_a_mapping_may_name_a_full_service_type(tmp_path: Path) -> None:
    """message/imap stays message/imap."""
    reader = with_mapping(tmp_path, {"type": "message/imap", "key": ["box", "uid"], "fields": {"from": "sender", "sent": "date"}})
    items, problems, _ = read(reader, write(tmp_path, "mail.json", '[{"box":"INBOX","uid":7,"sender":"A@B.example","date":1305712800}]'))
    assert [] == problems
    assert ("message/imap", "INBOX 7") == (items[0].type, items[0].key)
    assert {"from": "a@b.example", "sent": "2011-05-18T10:00:00Z"} == mapped(reader, items[0])


def test_columns_are_found_by_their_exact_names(tmp_path: Path) -> None:
    """A column may be called what is no path: E-mail 1 - Value."""
    reader = with_mapping(
        tmp_path, {"type": "contact", "fields": {"name": "Full Name", "emails": ["E-mail 1 - Value", "b.c"], "age": "Age"}}
    )
    text = "Full Name,E-mail 1 - Value,b.c,Age\r\nÅsa,A@x.example,b@x.example,41\r\nBo,,,\r\n"
    items, problems, _ = read_checked(reader, write(tmp_path, "people.csv", text))
    assert [] == problems
    assert {"name": "Åsa", "emails": ["a@x.example", "b@x.example"], "age": 41} == mapped(reader, items[0])
    assert {"name": "Bo"} == mapped(reader, items[1])


@pytest.mark.parametrize(("encoding", "noted"), [("utf-8", 0), ("utf-8-sig", 0), ("utf-16", 0), ("cp1252", 1)])
def test_tables_of_any_usual_encoding_are_read(tmp_path: Path, encoding: str, noted: int) -> None:
    """UTF-8 and UTF-16 are known by themselves; anything else is read as Windows-1252, and a problem says so."""
    reader = with_mapping(tmp_path, {"type": "contact", "key": "name", "fields": {"name": "name"}})
    items, problems, _ = read_checked(reader, write(tmp_path, "people.csv", "name;mail\nBjörn;b@x.example\n".encode(encoding)))
    assert noted == len(problems)
    assert ["Björn"] == [item.key for item in items]


def test_a_missing_key_is_told_and_the_object_kept(tmp_path: Path) -> None:
    """An object without its key is named by its digest; nothing is lost."""
    reader = with_mapping(tmp_path, {"type": "contact", "key": "id", "fields": {"name": "n"}})
    items, problems, _ = read_checked(reader, write(tmp_path, "x.json", '[{"n":"A"},{"id":2,"n":"B"}]'))
    assert ["element 1"] == [problem.place for problem in problems]
    assert "2" == items[1].key
    assert items[0].key.startswith("digest:")


@pytest.mark.parametrize("bad", ['{"id":1,"id":2,"n":"A"}', '{"id":1,"n":NaN}', '{"id":1,"n":"\\ud800"}', '{"id":1,"n":1e999}', "{oops"])
def test_a_flawed_line_is_a_problem_and_its_text_is_kept(tmp_path: Path, bad: str) -> None:
    """What strict JSON forbids is told with its line, kept as raw, and the other lines are read."""
    reader = with_mapping(tmp_path, {"type": "contact", "key": "id", "fields": {"name": "n"}})
    items, problems, _ = read_checked(reader, write(tmp_path, "x.ndjson", f'{{"id":5,"n":"A"}}\n{bad}\n{{"id":6,"n":"B"}}\n'))
    assert ["line 2"] == [problem.place for problem in problems]
    assert ["5", "6"] == [items[0].key, items[2].key]
    assert {"raw": bad} == items[1].body
    assert {} == mapped(reader, items[1])


def test_a_flawed_element_of_an_array_is_a_problem_and_still_mapped(tmp_path: Path) -> None:
    """Between brackets a flawed object ends where its brace ends: its text is kept, and what it says is used."""
    reader = with_mapping(tmp_path, {"type": "contact", "key": "id", "fields": {"name": "n"}})
    items, problems, _ = read_checked(reader, write(tmp_path, "x.json", '[{"id":1,"n":"A"},{"id":2,"n":"\\ud800B","n":"C"}]'))
    assert 1 == len(problems)
    assert ["1", "2"] == [item.key for item in items]
    assert items[1].body is not None
    assert '{"id":2,"n":"\\ud800B","n":"C"}' == items[1].body["document"]["raw"]
    assert {"name": "C"} == mapped(reader, items[1])


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"fields": {"name": "n"}}, "type"),
        ({"type": "Contact!", "fields": {"name": "n"}}, "type"),
        ({"type": "contact"}, "fields"),
        ({"type": "contact", "fields": {}}, "fields"),
        ({"type": "contact", "fields": {"name": 3}}, "fields.name"),
        ({"type": "contact", "fields": {"name": "n"}, "keys": "id"}, "keys"),
        ({"type": "contact", "fields": {"name": "n"}, "key": 3}, "key"),
        ({"type": "contact", "fields": {"name": "n"}, "items": []}, "items"),
        ([], "object"),
    ],
)
def test_a_wrong_mapping_is_refused_with_the_place(tmp_path: Path, mapping: Any, said: str) -> None:
    """Whoever wrote the mapping is told which member to mend, in which file."""
    with pytest.raises(Invalid, match=r"map\.json") as error:
        with_mapping(tmp_path, mapping)
    assert said in str(error.value)


def test_unknown_options_and_missing_mappings_are_refused(tmp_path: Path) -> None:
    """A typo in an option must not import everything unmapped."""
    with pytest.raises(Invalid, match="mapping=FILE"):
        plain().options({"maping": "x"})
    with pytest.raises(Invalid, match="cannot be read"):
        plain().options({"mapping": str(tmp_path / "absent.json")})


def test_items_that_are_not_there_are_told(tmp_path: Path) -> None:
    """A path that leads nowhere imports nothing and says so."""
    reader = with_mapping(tmp_path, {"type": "contact", "items": "people", "fields": {"name": "n"}})
    items, problems, _ = read(reader, write(tmp_path, "x.json", '{"persons":[{"n":"A"}]}'))
    assert [] == items
    assert ["there is nothing at people; set items in the mapping to the path of the array"] == [problem.reason for problem in problems]


@settings(max_examples=40, deadline=None)
@given(documents=DOCUMENTS, style=st.sampled_from(["array", "within", "lines", "deep"]))
def test_whatever_was_written_as_json_is_read_back(tmp_path_factory: pytest.TempPathFactory, documents: list[Body], style: str) -> None:
    """Array, array in an object, lines: the documents come back whole, in order, twice alike."""
    folder = tmp_path_factory.mktemp("json")
    items = {"within": "a", "deep": "a.b"}.get(style)
    reader = with_mapping(folder, {"type": "post", "fields": {"text": "text"}} | ({"items": items} if items else {}))
    lines = "".join(json.dumps(one) + "\n" for one in documents)
    wrapped = {"array": documents, "within": {"z": 1, "a": documents}, "deep": {"a": {"b": documents, "c": 1}}}.get(style)
    path = write(folder, "x.ndjson" if style == "lines" else "x.json", lines if style == "lines" else json.dumps(wrapped))
    found, problems, _ = read(reader, path)
    check_contract(reader, found, path)
    assert [canonical(one) for one in documents] == [canonical(settled(item.body or {})["document"]) for item in found]
    assert all(problem.place == "file" for problem in problems)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6), separator=st.sampled_from(",;\t|"), quoted=st.booleans())
def test_whatever_was_written_as_a_table_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], separator: str, quoted: bool
) -> None:
    """Any separator, any text in the cells, also line ends and quotes; only rows without any text are passed over."""
    folder = tmp_path_factory.mktemp("csv")
    reader = with_mapping(folder, {"type": "contact", "fields": {"name": "b"}})
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([["a", "b", "c"], *rows])
    path = write(folder, "x.csv", text.getvalue())
    assert [dict(zip("abc", row, strict=True)) for row in rows if any(row)] == bodies(reader, path)


@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=200) | st.text().map(lambda text: f'[{{"id":"{text}"'.encode("utf-8", "replace")),
    suffix=st.sampled_from(["json", "ndjson", "csv"]),
)
def test_no_file_makes_it_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    """Whatever the bytes are: items that keep the contract, or problems with a reason; never silence about a .json that holds something."""
    folder = tmp_path_factory.mktemp("any")
    reader = with_mapping(
        folder, {"type": "contact", "key": "id", "fields": {"name": "name", "birthday": "id", "age": "id", "emails": "id"}}
    )
    path = write(folder, f"x.{suffix}", content)
    for one in (reader, plain()):
        items, problems, _ = read_checked(one, path)
        assert items or problems or suffix != "json" or not content.strip(b" []\r\n\t")


def test_a_long_file_is_read_in_little_memory(tmp_path: Path) -> None:
    """Items come while the file is being read: after the first item, most of the file is still unread."""
    path = write(
        tmp_path, "x.json", json.dumps([{"type": "link", "key": str(n), "body": {"url": f"https://x.example/{n}"}} for n in range(30_000)])
    )
    with Archive(path) as archive:
        first = next(iter(plain().read(archive)))
        assert not isinstance(first, Problem)
        assert archive.done < archive.size / 4
