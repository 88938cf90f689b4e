"""
Links in Google's takeout: Chrome's bookmarks, and the lists of saved pages and places (``Saved/Want to go.csv``).
"""

from __future__ import annotations

from collections.abc import Iterator

from locker.connector import Body, Found, Item, Problem

from ._link_page import entries
from ._loose import known, obj, text
from ._parts import Member
from ._saved import attributes_of, page_link
from ._table import rows

# In the languages of Google's that have these words; elsewhere a link has only its address.
_TITLES = ("Title", "Titel", "Titre", "Título", "Titolo", "タイトル", "标题", "제목", "Название")
_NOTES = (
    "Note",
    "Notiz",
    "Nota",
    "Notitie",
    "メモ",
    "备注",
    "메모",
    "Заметка",
    "Comment",
    "Kommentar",
    "Commentaire",
    "Comentario",
    "Commento",
    "コメント",
)


def bookmarks(member: Member) -> Iterator[Found]:
    """The links of a bookmark page; the key is the address."""
    with member.open() as file:
        for found in entries(file, member.label):
            if isinstance(found, Problem):
                yield found
            elif address := text(found.attributes.get("href")):
                yield Item("link", address, found.body())


def saved(member: Member) -> Iterator[Found]:
    """The rows of a saved list, as ``{"list": <its name>, "row": {…}}``; rows without an address are notes and stay out."""
    name = member.name.rpartition("/")[2].rpartition(".")[0]
    with member.open() as file:
        for found in rows(file, member.label):
            if isinstance(found, Problem):
                yield found
            elif address := _address(found.cells):
                yield Item("link", f"{name}:{address}", {"list": name, "row": found.cells})


def map_link(body: Body) -> Body | None:
    """The canonical link."""
    if attributes_of(body) is not None:
        return known(**page_link(body))
    row = obj(body.get("row"))
    return known(
        url=_address(row),
        title=text(*map(row.get, _TITLES)),
        description="\n".join(filter(None, map(text, map(row.get, _NOTES)))),
        tag=[one.strip() for one in (text(row.get("Tags")) or "").split(",") if one.strip()],
        folder=text(body.get("list")),
    )


def _address(row: Body) -> str | None:
    cells = [row.get("URL"), *row.values()]
    return next((cell for cell in cells if isinstance(cell, str) and cell.startswith(("http://", "https://"))), None)
