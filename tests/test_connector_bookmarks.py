"""
The reader of browsers' bookmarks.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.archive import Archive
from locker.connector import Blob, Body, Item, Problem
from tests.connectors import check_contract, connector, mapped, read, read_checked
from tests.shared import DATA, needs_shared

PAGE = """<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">
<TITLE>Bookmarks</TITLE>
<H1>Bookmarks Menu</H1>
<DL><p>
    <DT><H3 ADD_DATE="1466008580" PERSONAL_TOOLBAR_FOLDER="true">Dev &amp; more</H3>
    <DD>The folder's own note
    <DL><p>
        <DT><A HREF="https://a.example/?x=1&amp;y=2" ADD_DATE="1466010266" LAST_MODIFIED="1466010267" TAGS="one,two words" TOREAD="1">A &lt;b&gt; title</A>
        <DD>A note
in two lines &amp; an entity
        <HR>
        <DT><H3>Inner</H3>
        <DL><p>
            <DT><A FEEDURL="https://feed.example/rss" HREF="https://feed.example/">Feed</A>
        </DL><p>
    </DL><p>
    <DT><A HREF="https://b.example/" PRIVATE="1" TAGS="secret things">B</A>
    <DD>See <a href="https://c.example/">this</a> &amp; that
    <DT><A HREF="place:sort=8">Most visited</A>
</DL><p>
"""

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"], exclude_characters=",;|[\ufeff"), min_size=1, max_size=8
)
PATHS = st.lists(WORDS, max_size=3)
LINKS = st.fixed_dictionaries(
    {
        "href": WORDS.map(lambda word: f"https://x.example/{word}"),
        "title": WORDS,
        "note": st.none() | st.lists(WORDS, min_size=1, max_size=3).map("\n".join),
        "tags": st.lists(WORDS, max_size=3, unique=True),
        "folder": PATHS,
    }
)


def page(folder: Path, text: str | bytes, name: str = "bookmarks.html") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_page_with_all_its_parts(tmp_path: Path) -> None:
    """Folders become the path, notes the description, entities text; a link in a note is no bookmark; Firefox's searches are no objects."""
    reader = connector("bookmarks")
    items, problems, _ = read_checked(reader, page(tmp_path, PAGE))
    assert [] == problems
    assert ["https://a.example/?x=1&y=2", "https://feed.example/", "https://b.example/", "place:sort=8"] == [item.key for item in items]
    assert {
        "url": "https://a.example/?x=1&y=2",
        "title": "A <b> title",
        "description": "A note\nin two lines & an entity",
        "tag": ["one", "two words"],
        "folder": "Dev & more",
        "created": "2016-06-15T17:04:26Z",
        "updated": "2016-06-15T17:04:27Z",
        "read": False,
    } == mapped(reader, items[0])
    assert "Dev & more/Inner" == mapped(reader, items[1])["folder"]
    assert ["secret", "things"] == mapped(reader, items[2])["tag"]
    assert items[2].body is not None
    assert "See this & that" == items[2].body["description"]
    assert 'See <a href="https://c.example/">this</a> &amp; that' == items[2].body["description_html"]
    assert {} == mapped(reader, items[3])


def test_the_attributes_are_kept_whole(tmp_path: Path) -> None:
    """Whatever an exporter wrote into the tag is in the body, by its name in lower case."""
    items, _, _ = read(
        connector("bookmarks"), page(tmp_path, '<DL><DT><A HREF="u:1" LAST_CHARSET="UTF-8" X="1&amp;2" FOLDED href="u:2">t</A></DL>')
    )
    assert {"attributes": {"href": "u:1", "last_charset": "UTF-8", "x": "1&2", "folded": ""}, "title": "t"} == items[0].body


def test_a_large_icon_becomes_a_blob(tmp_path: Path) -> None:
    """Small icons stay in the body, large ones are stored once beside the log."""
    small, large = "data:image/png;base64," + "A" * 100, "data:image/png;base64," + "A" * 5000
    items, _, _ = read_checked(
        connector("bookmarks"), page(tmp_path, f'<DL><DT><A HREF="u:1" ICON="{small}">s</A><DT><A HREF="u:2" ICON="{large}">l</A></DL>')
    )
    assert [small, Blob(large.encode(), "text/plain")] == [item.body["attributes"]["icon"] for item in items if item.body]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("1616337559", "2021-03-21T14:39:19Z"),
        ("1616337559000", "2021-03-21T14:39:19Z"),
        ("1616337559000000", "2021-03-21T14:39:19Z"),
        ("13260811159000000", "2021-03-21T14:39:19Z"),
        ("10/Oct/2000:13:55:36 +0300", "2000-10-10T10:55:36Z"),
        ("Sun, 21 Mar 2021 14:39:19 GMT", "2021-03-21T14:39:19Z"),
        ("2021-03-21T14:39:19+01:00", "2021-03-21T13:39:19Z"),
        ("2021-03-21", "2021-03-21"),
        ("0", None),
        ("never", None),
        ("99999999999999999999999", None),
    ],
)
def test_times_in_every_unit(tmp_path: Path, written: str, read_as: str | None) -> None:
    """Seconds, milliseconds, microseconds, WebKit's count from 1601, or text; what is no time is left out."""
    reader = connector("bookmarks")
    items, _, _ = read(reader, page(tmp_path, f'<DL><DT><A HREF="u:1" ADD_DATE="{written}">t</A></DL>'))
    assert read_as == mapped(reader, items[0]).get("created")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_pages_of_any_usual_encoding(tmp_path: Path, encoding: str) -> None:
    """The mark, the page's own word or UTF-8; else Windows-1252, with a problem that says so."""
    text = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><A HREF='u:1'>Größe €</A>\n</DL>"
    reader = connector("bookmarks")
    items, problems, _ = read_checked(reader, page(tmp_path, text.encode(encoding)))
    assert ["Größe €"] == [mapped(reader, item)["title"] for item in items]
    assert (["line 3"] if encoding == "cp1252" else []) == [problem.place for problem in problems]


def test_a_bookmark_without_an_address_is_told(tmp_path: Path) -> None:
    """It is no link; the others are read."""
    items, problems, _ = read(
        connector("bookmarks"), page(tmp_path, "<DL>\n<DT><A HREF='u:1'>a</A>\n<DT><A NAME=x>b</A>\n<DT><A HREF='u:2'>c</A></DL>")
    )
    assert ["u:1", "u:2"] == [item.key for item in items]
    assert ["line 3"] == [problem.place for problem in problems]


def test_chromes_own_file(tmp_path: Path) -> None:
    """Names stand below the children there, and times count from 1601."""
    inner = {"date_added": "13260811159000000", "guid": "g-1", "id": "5", "name": "A", "type": "url", "url": "https://a.example/"}
    bar = {"children": [{"children": [inner], "name": "Inner", "type": "folder"}], "name": "Bookmarks bar", "type": "folder"}
    text = json.dumps(
        {"checksum": "x", "roots": {"bookmark_bar": bar, "other": {"children": [], "name": "Other", "type": "folder"}}, "version": 1}
    )
    reader = connector("bookmarks")
    items, problems, _ = read_checked(reader, page(tmp_path, text, "Bookmarks"))
    assert [] == problems
    assert {"title": "A", "url": "https://a.example/", "folder": "Bookmarks bar/Inner", "created": "2021-03-21T14:39:19Z"} == mapped(
        reader, items[0]
    )
    assert {"bookmark": inner, "folder": ["Bookmarks bar", "Inner"]} == items[0].body


@pytest.mark.parametrize("text", ["", "{}", '{"a": 1}', "[1]", "hello", '{"type": "x"', "<html><p>no list"])
def test_another_file_is_one_problem(tmp_path: Path, text: str) -> None:
    """What is no list of bookmarks is told once, with what was expected."""
    items, problems, _ = read(connector("bookmarks"), page(tmp_path, text, "x.json"))
    assert [] == items
    assert 1 == len(problems)


def written(links: list[Body]) -> str:
    """A bookmark page as a browser writes it, each link in its own nest of folders."""
    lines = ["<!DOCTYPE NETSCAPE-Bookmark-file-1>", "<TITLE>Bookmarks</TITLE>", "<H1>Bookmarks</H1>", "<DL><p>"]
    for link in links:
        lines += [f"<DT><H3>{escape(name)}</H3>\n<DL><p>" for name in link["folder"]]
        tags = f' TAGS="{escape(",".join(link["tags"]))}"' if link["tags"] else ""
        lines.append(f'<DT><A HREF="{escape(link["href"])}"{tags}>{escape(link["title"])}</A>')
        lines += [f"<DD>{escape(link['note'])}"] if link["note"] else []
        lines += ["</DL><p>"] * len(link["folder"])
    return "\n".join([*lines, "</DL><p>", ""])


@settings(max_examples=60, deadline=None)
@given(links=st.lists(LINKS, min_size=1, max_size=6))
def test_whatever_was_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, links: list[Body]) -> None:
    """Any addresses, titles, notes, tags and folders come back as they were written."""
    reader = connector("bookmarks")
    path = page(tmp_path_factory.mktemp("page"), written(links))
    items, problems, _ = read(reader, path)
    check_contract(reader, items, path)
    assert [] == problems
    expected: list[dict[str, Any]] = [
        {
            "url": link["href"],
            "title": link["title"],
            **({"description": link["note"]} if link["note"] else {}),
            **({"tag": link["tags"]} if link["tags"] else {}),
            **({"folder": "/".join(link["folder"])} if link["folder"] else {}),
        }
        for link in links
    ]
    assert expected == [mapped(reader, item) for item in items]


@settings(max_examples=80, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from(
            [
                "<DL>",
                "</DL>",
                "<DT>",
                "<DD>",
                "<H3>",
                "</H3>",
                "<A HREF=x>",
                "<a href='",
                "</A>",
                "<!--",
                "<![CDATA[",
                "<!x",
                "&#xD800;",
                "<li>",
            ]
        )
        | st.text(max_size=5),
        max_size=30,
    )
)
def test_no_page_makes_it_raise(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    """Tags in any order, open comments, stray declarations: links that keep the contract, or problems."""
    path = page(tmp_path_factory.mktemp("page"), "".join(pieces).encode("utf-8", "replace"))
    _, problems, _ = read_checked(connector("bookmarks"), path)
    assert all(problem.file == path.name for problem in problems)


def test_bookmarks_come_while_the_page_is_being_read(tmp_path: Path) -> None:
    """A page of any length needs the memory of one entry."""
    path = page(tmp_path, "<DL>" + "".join(f'<DT><A HREF="https://x.example/{n}">{n}</A>\n' for n in range(20_000)) + "</DL>")
    with Archive(path) as archive:
        first = next(iter(connector("bookmarks").read(archive)))
        assert isinstance(first, Item)
        assert archive.done < archive.size / 4


def test_unknown_declarations_are_passed_over(tmp_path: Path) -> None:
    """What looks like a declaration in a title or note does not end the reading."""
    items, problems, _ = read(
        connector("bookmarks"), page(tmp_path, "<DL><DT><A HREF='u:1'>a <![foo[ b</A>\n<DD><![x>\n<DT><A HREF='u:2'>c</A></DL>")
    )
    assert [] == problems
    assert ["u:1", "u:2"] == [item.key for item in items]


@pytest.mark.parametrize("opening", ["<!-- ", '<A HREF="'])
def test_what_does_not_end_costs_little_and_is_told(tmp_path: Path, opening: str) -> None:
    """An open comment or quote over many lines is read a few times, not once per line, and the entries before it are there."""
    path = page(tmp_path, "<DL><DT><A HREF='u:1'>a</A>\n<DT>" + opening + "word\n" * 220_000)
    items, problems, _ = read(connector("bookmarks"), path)
    assert ["u:1"] == [item.key for item in items]
    assert ["a comment or tag does not end"] == [problem.reason[:29] for problem in problems]


SHARED_PAGES = sorted((DATA / "bookmarks-netscape").rglob("*.htm*")) if DATA.is_dir() else []


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("path", SHARED_PAGES, ids=lambda path: path.name)
def test_every_shared_page_is_read_whole(path: Path) -> None:
    """One bookmark per <A HREF that stands below a <DT>; nothing else is a problem but an empty file."""
    reader = connector("bookmarks")
    items, problems, _ = read_checked(reader, path)
    text = path.read_text(encoding="utf-8", errors="replace")
    assert len(re.findall(r"<DT>\s*<A\s[^>]*?HREF", text, re.IGNORECASE)) == len(items)
    assert ([] if text else ["the file is empty"]) == [problem.reason for problem in problems]
    assert all(item.key.startswith("place:") or mapped(reader, item)["url"] == item.key for item in items)


@needs_shared
@pytest.mark.shared
def test_the_shared_firefox_backup() -> None:
    """Both bookmarks, with their folder and tags."""
    reader = connector("bookmarks")
    items, problems, _ = read_checked(reader, DATA / "readlater-exports" / "firefox-bookmarks.json")
    assert [] == problems
    assert ["tard77lzbC5H", "E385l9vZ_LVn"] == [item.key for item in items]
    assert {"Barre personnelle"} == {mapped(reader, item)["folder"] for item in items}
    assert ["test", "tag"] == mapped(reader, items[0])["tag"]


@needs_shared
@pytest.mark.shared
def test_a_shared_folder_of_pages_is_one_archive() -> None:
    """All pages of the folder, in name order; of the folder's other files none."""
    items, problems, _ = read_checked(connector("bookmarks"), DATA / "bookmarks-netscape")
    assert sum(len(read(connector("bookmarks"), path)[0]) for path in SHARED_PAGES) == len(items)
    assert [Problem("input/empty.htm", "file", "the file is empty")] == problems
