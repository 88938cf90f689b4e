"""Declarations: a TOML file is a connector, and what is wrong with one is told with file, place and what is accepted."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from locker import plugin
from locker.connector import (
    Answer,
    ApiKey,
    Bearer,
    Cursor,
    Fetching,
    Item,
    OAuth2,
    Option,
    Pace,
    PageNumber,
    Since,
    Walk,
)
from locker.declaration import load_file
from locker.error import Fatal, Invalid, LockerError, Unauthorized

from .listing import FakeSession

WHOLE = """
name = "bookshelf"
title = "Bookshelf"
base_url = "https://api.bookshelf.example"
hosts = ["pages.bookshelf.example"]

[[auth]]
kind = "oauth2"
authorize = "/oauth"
token = "/token"
scopes = ["read"]

[[auth]]
kind = "bearer"
prefix = "Token "

[[auth]]
kind = "api-key"
param = "key"

[who]
path = "/me"
facts = { id = "id", username = "login" }

[[asks]]
name = "shelf"
help = "the shelf's name"
default = "main"

[pace]
requests = 30
seconds = 10
remaining = "x-left"

[[streams]]
name = "likes"
type = "favorite"
path = "/users/{username}/{shelf}"
items = "likes"
key = "[book.id, shelf]"
paging = { style = "page", size = 2 }
since = { param = "after", path = "liked_at", kind = "epoch", overlap = 60 }
every = 3600

[[streams]]
name = "notes"
type = "post"
path = "/notes"
paging = { style = "cursor", param = "c", path = "next" }
order = "newest"

[[errors]]
when = "error.code == `14`"
means = "unauthorized"
message = "error.text"

[[errors]]
when = "error"
means = "fatal"

[map.favorite]
url = ["book.link", "book.url", "book.id"]
title = "book.title"
tag = ["genre", "genres"]
created = "liked_at"

[map.post]
text = "text"
author = "join('', ['@', by])"
"""
MINIMAL = """name = "x"
title = "X"
streams = [{ name = "s", type = "link", path = "/s" }]
map.link.url = "u"
"""


def loaded(tmp_path: Path, text: str, name: str = "bookshelf.toml") -> Fetching:
    """The connector of a file of this text."""
    (tmp_path / name).write_text(text)
    return load_file(tmp_path / name)


def test_all_that_can_be_declared(tmp_path: Path) -> None:
    """Authorisation, account, options, pace, streams, their paging and what is new are read into what a class would declare."""
    made = loaded(tmp_path, WHOLE)
    assert ("bookshelf", "Bookshelf", ("favorite", "post")) == (made.name, made.title, made.types)
    assert (OAuth2(authorize="/oauth", token="/token", scopes=("read",)), Bearer(prefix="Token "), ApiKey(param="key")) == made.auth
    assert (Option(name="shelf", help="the shelf's name", default="main"),) == made.asks
    assert Pace(requests=30, seconds=10.0, remaining="x-left") == made.pace
    assert ("pages.bookshelf.example",) == made.hosts
    likes, notes = made.streams
    assert PageNumber(size=2) == likes.paging
    assert Since(param="after", path="liked_at", kind="epoch", overlap=60.0) == likes.since
    assert (Cursor(param="c", path="next"), "newest", 3600.0) == (notes.paging, notes.order, likes.every)


def test_it_is_fetched_and_mapped(tmp_path: Path) -> None:
    """Its pages become items under their keys, and its paths canonical fields in the shape of the schema."""
    made = loaded(tmp_path, WHOLE)
    like = {
        "book": {"id": 7, "url": "https://a.example", "title": " A "},
        "shelf": "main",
        "genre": "sf",
        "genres": ["sf", "x"],
        "liked_at": 1577836800,
    }
    session = FakeSession(lambda _: (200, {}, {"likes": [like]}), account={"id": "1", "username": "pat"})

    async def first() -> Any:
        return await anext(aiter(made.fetch(session, made.streams[0], Walk())))

    assert [Item("favorite", "7 main", like)] == list(asyncio.run(first()).items)
    assert "/api/users/pat/main" == session.asked[0].path
    expected = {"url": "https://a.example", "title": "A", "tag": ["sf", "x"], "created": "2020-01-01T00:00:00Z"}
    assert expected == made.map("favorite", like)
    assert {"author": "@pat"} == made.map("post", {"by": "pat", "text": {"no": "text"}})
    assert made.map("post", {"by": None}) is None


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b'{"error": {"code": 14, "text": "expired"}}', Unauthorized, "bookshelf says: expired"),
        (b'{"error": "gone"}', Fatal, "bookshelf says: gone"),
        (b'{"likes": []}', None, ""),
        (b'{"error', None, ""),
        (b"<html>", None, ""),
    ],
)
def test_errors_inside_of_answers(tmp_path: Path, body: bytes, kind: type[LockerError] | None, says: str) -> None:
    """What a service says inside of a 200 is what the file says that it means."""
    judged = loaded(tmp_path, WHOLE).judge(Answer(200, {}, body, "https://a.example"))
    assert (kind or type(None), says) == (type(judged), str(judged or ""))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "x = = 1", "is not TOML"),
        ('title = "X"', "", "title is missing"),
        ('name = "x"', 'name = "X y"', "name is 'X y'"),
        ('name = "x"', "name = 7", "name must be a text, not 7"),
        ("", "colour = 1", "colour means nothing here; there are name, title"),
        ('path = "/s"', 'path = "/s", size = 3', r"streams\[0\]\.size means nothing here; there are name, type, path"),
        ('path = "/s"', 'path = "s"', "must start with /"),
        (', path = "/s"', "", r"streams\[0\]\.path is missing"),
        ('path = "/s"', 'path = "/{who}"', "path has {who}, which is neither a fact of who nor an option"),
        ('path = "/s"', 'path = "/s", order = "oldest"', r"streams\[0\]\.order is 'oldest'; it may be newest, any"),
        ('path = "/s"', 'path = "/s", paging = { style = "pages" }', r"paging\.style is 'pages'; it may be once, page, offset"),
        ('path = "/s"', 'path = "/s", paging = { style = "page", size = "2" }', r"paging\.size must be a whole number, not '2'"),
        ('path = "/s"', 'path = "/s", paging = { style = "page", size = 0 }', "size must be at least 1"),
        ('path = "/s"', 'path = "/s", items = "a..b"', "items: 'a..b' is no JMESPath"),
        ('path = "/s"', 'path = "/s", params = { a = 1 }', r"params\.a must be a text"),
        ('path = "/s"', 'path = "/s", every = true', "every must be a number, not True"),
        ('type = "link"', 'type = "thing"', "there is no type thing; there are article, contact"),
        ("map.link.url", "map.post.url", "map.post means nothing here; there are link"),
        ("map.link.url", "map.link.uri", "map.link.uri means nothing here; there are url, title"),
        ('map.link.url = "u"', 'map.link.url = "u..v"', "no JMESPath"),
        ('map.link.url = "u"', "", "map.link is missing"),
        ("", 'auth = [{ kind = "magic" }]', r"auth\[0\]\.kind is 'magic'; it may be bearer, api-key"),
        ("", 'auth = [{ kind = "api-key" }]', r"auth\[0\]\.param is missing"),
        ("", 'auth = "bearer"', "auth must be a list"),
        ("", 'errors = [{ when = "e", means = "bad" }]', r"errors\[0\] must have when .* and means, one of unauthorized"),
        ("", 'who = { path = "/me", facts = { name = "n" } }', "who has no fact id"),
        ("", 'base_url = "api.example"', "base_url is 'api.example'; it must be like"),
    ],
)
def test_what_is_wrong(tmp_path: Path, old: str, new: str, says: str) -> None:
    """A mistake is named by its file and its place, with what would be accepted there."""
    text = MINIMAL.replace(old, new, 1) if old else f"{new}\n{MINIMAL}"
    with pytest.raises(Invalid, match=rf"bookshelf\.toml.*({says})"):
        loaded(tmp_path, text)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and one that is no UTF-8 are told."""
    with pytest.raises(Invalid, match="cannot be read"):
        load_file(tmp_path / "no.toml")
    (tmp_path / "x.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(Invalid, match="is not TOML"):
        load_file(tmp_path / "x.toml")


def test_dropped_declarations(tmp_path: Path) -> None:
    """A declaration beside the data is a connector when that folder is given, and two of one name are refused."""
    (tmp_path / "a.toml").write_text(WHOLE)
    assert "bookshelf" in plugin.connectors(tmp_path)
    assert "bookshelf" not in plugin.connectors()
    (tmp_path / "b.toml").write_text(WHOLE)
    with pytest.raises(Invalid, match=r"two plugins are called 'bookshelf'.*remove one"):
        plugin.connectors(tmp_path)


def test_one_file(tmp_path: Path) -> None:
    """A file is asked for its connectors by its path, built-in or not; one without any says what is expected."""
    (tmp_path / "bookshelf.toml").write_text(WHOLE)
    (tmp_path / "empty.py").write_text("")
    assert ["bookshelf"] == [one.name for one in plugin.at(tmp_path / "bookshelf.toml")]
    assert ["bookmarks"] == [one.name for one in plugin.at(plugin.folder("connectors") / "bookmarks.py")]
    for name, says in (("empty.py", "has no connector: a class"), ("none.py", "is not a Python file")):
        with pytest.raises(Invalid, match=re.escape(name) + ".*" + says):
            plugin.at(tmp_path / name)
