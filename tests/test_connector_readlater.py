"""
The readers of saved links: Pocket, Pinboard, Raindrop, Instapaper, and the other read-later services.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.connector import Body, Item
from tests.connectors import check_contract, connector, mapped, read, read_checked
from tests.shared import DATA, needs_shared

READERS = ("pocket", "pinboard", "raindrop", "instapaper", "readlater")
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=10)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def one(name: str, path: Path) -> tuple[list[Item], list[Body]]:
    """The items of a file without problems, and the canonical body of each."""
    reader = connector(name)
    items, problems, _ = read_checked(reader, path)
    assert [] == problems
    return items, [mapped(reader, item) for item in items]


def test_pockets_page(tmp_path: Path) -> None:
    """Two lists under headings; the second is what was read."""
    text = """<!DOCTYPE html><html><head><title>Pocket Export</title></head><body>
    <h1>Unread</h1><ul>
    <li><a href="https://a.example/" time_added="1370000000" tags="x,two words">A &amp; B</a></li>
    </ul><h1>Read Archive</h1><ul>
    <li><a href="https://b.example/" time_added="1370000001" tags="">https://b.example/</a></li></ul></body></html>"""
    items, bodies = one("pocket", write(tmp_path, "ril_export.html", text))
    assert ["https://a.example/", "https://b.example/"] == [item.key for item in items]
    assert {
        "url": "https://a.example/",
        "title": "A & B",
        "tag": ["x", "two words"],
        "created": "2013-05-31T11:33:20Z",
        "read": False,
        "archived": False,
    } == bodies[0]
    assert bodies[1]["read"] is True


def test_pockets_table(tmp_path: Path) -> None:
    """Tags are separated by bars there, and the status tells what was read."""
    text = "title,url,time_added,tags,status\nA,https://a.example/,1600322788,x|two words,archive\n"
    _, bodies = one("pocket", write(tmp_path, "part_000000.csv", text))
    assert ["x", "two words"] == bodies[0]["tag"]
    assert bodies[0]["archived"] is True


def test_pockets_answer(tmp_path: Path) -> None:
    """An object by id; a favorite is one more item, a deleted one is gone."""
    items = {
        "1": {
            "item_id": "1",
            "given_url": "https://a.example/",
            "favorite": "1",
            "status": "1",
            "tags": {"x": {"item_id": "1", "tag": "x"}},
        },
        "2": {"item_id": "2", "status": "2"},
        "3": {"item_id": "3", "resolved_url": "https://c.example/", "favorite": "0", "status": "0"},
    }
    found, bodies = one("pocket", write(tmp_path, "get.json", json.dumps({"status": 1, "list": items, "since": 3})))
    assert [("link", "1"), ("favorite", "1"), ("link", "2"), ("favorite", "2"), ("link", "3")] == [(item.type, item.key) for item in found]
    assert [items["1"], items["1"], None, None, items["3"]] == [item.body for item in found]
    assert {"url": "https://a.example/", "tag": ["x"]} == bodies[1]


@pytest.mark.parametrize("text", ['{"status":1,"list":[]}', '{"result":true,"items":[],"count":1}', "[]"])
def test_an_empty_answer_is_no_problem(tmp_path: Path, text: str) -> None:
    """Services write an empty list so."""
    assert ([], []) == one("raindrop" if "items" in text else "pocket", write(tmp_path, "x.json", text))


def test_pinboards_elements(tmp_path: Path) -> None:
    """The XML export says the same as the JSON one; its tags are called tag."""
    text = """<?xml version="1.0" encoding="UTF-8" ?>
    <posts user="jm" dt="2019-11-06T22:50:31Z" tag="">
      <post href="https://a.example/?x=1&amp;y=2" time="2019-11-06T22:50:31Z" description="A &lt;1&gt;" extended="note" tag="a,b c" hash="h" shared="no" toread="yes" />
      <post href="https://b.example/?x=1&y=2" time="2019-11-06T22:50:32Z" description="B" extended="" tag="" hash="i" />
    </posts>"""
    reader = connector("pinboard")
    items, problems, _ = read_checked(reader, write(tmp_path, "all.xml", text))
    assert {
        "url": "https://a.example/?x=1&y=2",
        "title": "A <1>",
        "description": "note",
        "tag": ["a,b", "c"],
        "created": "2019-11-06T22:50:31Z",
        "read": False,
    } == mapped(reader, items[0])
    assert "https://b.example/?x=1&y=2" == items[1].key
    assert ["line 4"] == [problem.place for problem in problems]


def test_an_entity_bomb_is_refused(tmp_path: Path) -> None:
    """XML that declares entities is not expanded, and the problem says why."""
    text = '<?xml version="1.0"?><!DOCTYPE posts [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><posts><post href="&b;"/></posts>'
    items, problems, _ = read(connector("pinboard"), write(tmp_path, "all.xml", text))
    assert [] == items
    assert "entities" in problems[0].reason


def test_raindrops_table(tmp_path: Path) -> None:
    """A favorite is one more item; note and excerpt are the description."""
    text = (
        "id,title,note,excerpt,url,folder,tags,created,cover,highlights,favorite\n"
        '7,A,mine,theirs,https://a.example/,Dev / Web,"x, y",2024-01-02T12:00:00.000Z,https://a.example/c.png,,true\n'
        "8,B,,,https://b.example/,Unsorted,,2024-01-02T12:00:00.000Z,,,false\n"
    )
    items, bodies = one("raindrop", write(tmp_path, "export.csv", text))
    assert [("link", "7"), ("favorite", "7"), ("link", "8")] == [(item.type, item.key) for item in items]
    assert {
        "url": "https://a.example/",
        "title": "A",
        "description": "mine\n\ntheirs",
        "tag": ["x", "y"],
        "created": "2024-01-02T12:00:00Z",
        "thumbnail": "https://a.example/c.png",
    } == bodies[1]
    assert "Dev / Web" == bodies[0]["folder"]


def test_what_lies_in_raindrops_trash_is_no_object(tmp_path: Path) -> None:
    """It stays in the log all the same."""
    items, bodies = one(
        "raindrop", write(tmp_path, "x.json", '{"item":{"_id":1,"link":"https://a.example/","removed":true,"important":true}}')
    )
    assert ["link", "favorite"] == [item.type for item in items]
    assert [{}, {}] == bodies


def test_instapapers_table(tmp_path: Path) -> None:
    """Unread, Archive and Starred are states, other folders are folders; newer files have tags as a JSON list."""
    text = (
        "URL,Title,Selection,Folder,Timestamp,Tags\n"
        'https://a.example/,A,words,Starred,1371234567,"[""x"", ""two words""]"\n'
        "https://b.example/,B,,Recipes,1371234567,[]\nhttps://c.example/,C,,Archive,1371234567,[]\n"
    )
    items, bodies = one("instapaper", write(tmp_path, "export.csv", text))
    assert ["link", "favorite", "link", "link"] == [item.type for item in items]
    assert ["x", "two words"] == bodies[0]["tag"]
    assert "folder" not in bodies[0]
    assert "Recipes" == bodies[2]["folder"]
    assert bodies[3]["read"] is True


def test_instapapers_page(tmp_path: Path) -> None:
    """Headings above numbered lists."""
    text = "<html><body><h1>Unread</h1><ol><li><a href='https://a.example/'>A</a></ol><h1>Starred</h1><ol><li><a href='https://b.example/'>B</a></ol></body></html>"
    items, bodies = one("instapaper", write(tmp_path, "export.html", text))
    assert ["link", "link", "favorite"] == [item.type for item in items]
    assert {"url": "https://b.example/", "title": "B"} == bodies[2]


def test_wallabag_two(tmp_path: Path) -> None:
    """Starred articles are favorites; the content is the link's text."""
    entry = {
        "is_archived": 1,
        "is_starred": 1,
        "tags": ["x"],
        "id": 9,
        "title": "A &amp; B",
        "url": "https://a.example/",
        "content": "<p>One</p><p>two</p>",
        "created_at": "2016-09-08T11:55:58+0200",
        "published_by": ["Ann", "Bo"],
    }
    items, bodies = one("readlater", write(tmp_path, "wallabag.json", json.dumps([entry])))
    assert ["link", "favorite"] == [item.type for item in items]
    assert {
        "url": "https://a.example/",
        "title": "A & B",
        "author": "Ann, Bo",
        "tag": ["x"],
        "created": "2016-09-08T09:55:58Z",
        "read": True,
        "archived": True,
        "text": "One\ntwo",
    } == bodies[0]


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("text", ["", "[1, 2]", '[{"a": 1}, {"a": 2}]', '{"a": [1]}', "a,b\n1,2\n", "<html><p>x", "\x00\x01"])
def test_an_unknown_file_is_one_problem_with_what_was_expected(tmp_path: Path, name: str, text: str) -> None:
    """Never a crash, never a thousand complaints."""
    items, problems, _ = read(connector(name), write(tmp_path, "x", text))
    assert [] == items
    assert 1 == len(problems)
    assert "expected" in problems[0].reason or not text


def test_a_flawed_entry_is_kept_and_told(tmp_path: Path) -> None:
    """A repeated name or half a character is a problem; the entry's text is kept, and what it says is used."""
    text = '[{"href":"https://a.example/","description":"A"},{"href":"https://b.example/","description":"\\ud83d B","tags":"x","tags":"y"}]'
    reader = connector("pinboard")
    items, problems, _ = read_checked(reader, write(tmp_path, "x.json", text))
    assert ["element 2"] == [problem.place for problem in problems]
    assert ["https://a.example/", "https://b.example/"] == [item.key for item in items]
    assert ["y"] == mapped(reader, items[1])["tag"]
    assert items[1].body is not None
    assert "\\ud83d" in items[1].body["raw"]


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=120) | st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["href", "url", "link", "item_id", "attributes", "folder", "tags", "list", "items", "status", "favorite", "highlights", "authors", "time_added", "raw", "mended"]), inner, max_size=5), max_leaves=12).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_file_makes_a_reader_raise(tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes) -> None:
    """Known names with values of any kind: the contract holds, map never raises."""
    read_checked(connector(name), write(tmp_path_factory.mktemp("any"), "x", content))


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL, st.integers(10**9, 2 * 10**9)), min_size=1, max_size=6))
def test_a_table_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]]) -> None:
    """Titles with separators, quotes and line ends stay whole, row by row."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(
        [["title", "url", "time_added", "tags", "status"], *([title, f"u:{url}", str(time), "", "unread"] for title, url, time in rows)]
    )
    reader, path = connector("pocket"), write(tmp_path_factory.mktemp("csv"), "part_000000.csv", text.getvalue())
    items, problems, _ = read(reader, path)
    check_contract(reader, items, path)
    assert [] == problems
    assert [(title, f"u:{url}", str(time)) for title, url, time in rows] == [
        (item.body["title"], item.body["url"], item.body["time_added"]) for item in items if item.body
    ]


def test_a_folder_of_parts_is_one_archive(tmp_path: Path) -> None:
    """Pocket splits its table; all parts are read, in name order."""
    for n in (1, 0):
        write(tmp_path, f"part_00000{n}.csv", f"title,url,time_added,tags,status\nA,https://{n}.example/,1600322788,,unread\n")
    items, _ = one("pocket", tmp_path)
    assert ["https://0.example/", "https://1.example/"] == [item.key for item in items]


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("pocket", "pocket/pocket.json", {"link": 1}),
        ("pocket", "readlater-exports/pocket.csv", {"link": 7}),
        ("pinboard", "pinboard/posts.json", {"link": 2}),
        ("pinboard", "pinboard/sample-bookmarks.json", {"link": 88}),
        ("pinboard", "readlater-exports/pinboard_export", {"link": 3}),
        ("instapaper", "readlater-exports/instapaper-export.csv", {"link": 4, "favorite": 1}),
        ("readlater", "readlater-exports/readability.json", {"link": 3, "favorite": 1}),
        ("readlater", "readlater-exports/wallabag-v1.json", {"link": 2}),
        ("raindrop", "huginn/raindrop_raindrops.json", {"link": 2}),
    ],
)
def test_every_shared_export_is_read_whole(name: str, file: str, expected: dict[str, int]) -> None:
    """As many entries as the file holds, each with its address; no problems."""
    items, bodies = one(name, DATA / file)
    assert expected == Counter(item.type for item in items)
    assert all(body["url"].startswith("http") for body in bodies)


def recorded_in_har(path: Path) -> Iterator[str]:
    import brotli

    for entry in json.loads(path.read_text(encoding="utf-8"))["log"]["entries"]:
        content = entry["response"]["content"]
        text = content.get("text", "")
        if content.get("encoding") == "base64":
            chunks = json.loads(text) if text.startswith("[") else [text]
            data = b"".join(base64.b64decode(chunk) for chunk in chunks)
            text = brotli.decompress(data).decode()
        yield text


def recorded_in_yaml(path: Path) -> Iterator[str]:
    import yaml

    for interaction in yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]:
        yield interaction["response"]["body"]["string"]


def raindrops(answer: Any) -> list[Body]:
    """The raindrops of a reply; a highlight, too, has an id and a link."""
    inner = answer.get("items", [answer.get("item")])
    return [drop for drop in inner if isinstance(drop, dict) and "link" in drop and "raindropRef" not in drop]


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "replies"),
    [(path, recorded_in_har) for path in sorted((DATA / "raindrop-har").rglob("*.har"))]
    + [(path, recorded_in_yaml) for path in sorted((DATA / "raindrop-io-py").glob("*.yaml"))],
    ids=lambda value: value.parent.name + "-" + value.name if isinstance(value, Path) else "",
)
def test_every_shared_reply_of_raindrop_is_read_whole(tmp_path: Path, path: Path, replies: Any) -> None:
    """Each raindrop of each recorded reply is a link, an important one a favorite too; replies of other calls are one problem."""
    reader = connector("raindrop")
    for number, text in enumerate(replies(path)):
        answer = json.loads(text)
        drops = raindrops(answer)
        items, problems, _ = read_checked(reader, write(tmp_path, f"{number}.json", text))
        assert [str(drop["_id"]) for drop in drops] == [item.key for item in items if item.type == "link"]
        assert [drop for drop in drops if drop.get("important")] == [item.body for item in items if item.type == "favorite"]
        assert len(problems) <= (0 if drops or answer.get("items") == [] else 1)
        assert all(mapped(reader, item)["url"] for item in items)


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("name", READERS)
def test_no_shared_file_of_another_service_makes_a_reader_raise(name: str) -> None:
    """Every reader is shown every file of the others."""
    for folder in ("bookmarks-netscape", "readlater-exports", "pocket", "pinboard", "huginn", "feedreader-sync-netnewswire"):
        for path in sorted((DATA / folder).rglob("*")):
            if path.is_file() and not path.name.startswith(("LICENSE", "README")):
                read_checked(connector(name), path)


def test_a_zip_is_read_like_its_folder(tmp_path: Path) -> None:
    """Services hand out zips; they are read in place."""
    with zipfile.ZipFile(tmp_path / "pocket.zip", "w") as archive:
        archive.writestr("part_000000.csv", "title,url,time_added,tags,status\nA,https://a.example/,1600322788,,unread\n")
        archive.writestr("readme.txt", "nothing")
    items, _ = one("pocket", tmp_path / "pocket.zip")
    assert ["https://a.example/"] == [item.key for item in items]


def test_a_table_that_speaks_of_encodings_keeps_its_own(tmp_path: Path) -> None:
    """Only a page's head can say how the page is written; words in a cell cannot."""
    text = "title,url,time_added,tags,status\n<meta charset=x> Größe charset=iso-8859-1,https://a.example/,1600322788,,unread\n"
    _, bodies = one("pocket", write(tmp_path, "part_000000.csv", text))
    assert "<meta charset=x> Größe charset=iso-8859-1" == bodies[0]["title"]


def test_pockets_last_export(tmp_path: Path) -> None:
    """The zip of 2025: highlights are a link of their own with the same address, and do not take the article's key; a Mac's droppings are nothing."""
    path = tmp_path / "pocket.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "annotations/part_000000.json", json.dumps([{"url": "https://a.org", "title": "A", "highlights": [{"quote": "q"}]}])
        )
        archive.writestr("part_000000.csv", "title,url,time_added,tags,status\nA,https://a.org,1700000000,x|y,unread\n")
        archive.writestr("__MACOSX/._part_000000.csv", b"\x00\x05\x16\x07")
    pocket = connector("pocket")
    items, problems, _ = read_checked(pocket, path)
    assert [] == problems
    assert {"highlights:https://a.org": ["q"], "https://a.org": None} == {i.key: mapped(pocket, i).get("highlights") for i in items}
