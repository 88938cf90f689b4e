"""
Reads pages that list links in folders: Netscape bookmark files, and the older exports of Pocket and Instapaper.

The format was never specified: elements are rarely closed, notes follow their link in a ``<DD>``, a heading names the list below it.  So this is a state
machine over the tags, which takes whatever comes and holds one entry at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Any, BinaryIO

from locker.connector import Blob, Body, Problem

from ._lines import Lines

PIECE = 1 << 16
ICON_LIMIT = 4096
"""Characters of an icon that stay in the body; a longer one becomes a blob."""

_UNREADABLE = 1 << 24
_LONG_TAG = 1 << 16
_LISTS = frozenset(("dl", "ul", "ol", "menu"))
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


@dataclass(slots=True)
class Entry:
    """One link: its *attributes* (names in lower case), its text as *title*, the *folder* path, and the note below it as *description*."""

    attributes: dict[str, str]
    folder: list[str]
    place: str
    title: str = ""
    description: str = ""
    description_html: str = ""

    def body(self) -> Body:
        """The entry as a log keeps it; what it lacks is absent, ``description_html`` too if the note holds no markup."""
        attributes: Body = dict(self.attributes)
        for name, value in self.attributes.items():
            if name.startswith("icon") and len(value) > ICON_LIMIT:
                attributes[name] = Blob(value.encode(), "text/plain")
        body: Body = {"attributes": attributes, "title": self.title.strip()}
        if self.folder:
            body["folder"] = self.folder
        if self.description.strip():
            body["description"] = self.description.strip()
        if self.description_html:
            body["description_html"] = self.description_html.strip()
        return body


def entries(file: BinaryIO, name: str) -> Iterator[Entry | Problem]:
    """Every link of the page, in order."""
    lines = Lines(file, name, PIECE)
    page = _Page()
    for text in _batches(lines, page):
        page.place = f"line {lines.number}"
        page.feed(text)
        while page.done:
            yield page.done.popleft()
        if len(page.rawdata) > _UNREADABLE:
            break
    if page.rawdata.startswith("<") and len(page.rawdata) > _LONG_TAG:
        yield Problem(name, page.place, f"a comment or tag does not end, the last {len(page.rawdata)} characters are not read")
    else:
        page.finish()
    yield from page.done
    yield from lines.problems()


def _batches(lines: Iterable[str], page: _Page) -> Iterator[str]:
    """Line by line; but while an element does not end, which the parser reads anew each time, always as much as it holds already."""
    batch: list[str] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if size >= len(page.rawdata):
            yield "".join(batch)
            batch, size = [], 0
    yield "".join(batch)


class _Page(HTMLParser):
    """Collects finished entries in *done*."""

    def __init__(self) -> None:
        super().__init__()
        self.done: deque[Entry] = deque()
        self.place = ""
        self._folders: list[str | None] = []
        self._heading: str | None = None
        self._level = ""
        self._in_heading = False
        self._entry: Entry | None = None
        self._in_link = False
        self._in_note = False

    def set_cdata_mode(self, elem: str, **_: Any) -> None:
        """Stay in markup: a stray ``<style>`` in a note must not swallow the rest of the file."""

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Pass over a ``<![…[`` that html.parser does not know, where it would give up the page."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i)

    def finish(self) -> None:
        """The page is over: what is open ends here."""
        self.close()
        self._end_entry()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("dt", "li", "hr") or tag in _LISTS or tag in _HEADINGS:
            self._end_entry()
        if tag in _LISTS:
            self._folders.append(self._named(tag))
        elif tag in _HEADINGS:
            self._heading, self._level, self._in_heading = "", tag, True
        elif tag == "dd":
            self._in_link, self._in_note = False, True
        elif tag == "a" and not self._in_note:
            self._end_entry()
            attributes = {name: value or "" for name, value in reversed(attrs)}
            self._entry = Entry(attributes, [folder for folder in self._folders if folder], self.place)
            self._in_link = True
        elif self._in_note:
            self._note_markup(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _LISTS:
            self._end_entry()
            if self._folders:
                self._folders.pop()
            self._heading = None
        elif tag in _HEADINGS:
            self._in_heading = False
        elif tag == "a" and self._in_link:
            self._in_link = False
        elif self._in_note and tag != "dd":
            self._note_markup(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self._heading = (self._heading or "") + data
        elif self._entry and self._in_link:
            self._entry.title += data
        elif self._entry and self._in_note:
            self._entry.description += data
            if self._entry.description_html:
                self._entry.description_html += escape(data, quote=False)

    def _note_markup(self, markup: str) -> None:
        if self._entry:
            self._entry.description_html = (self._entry.description_html or escape(self._entry.description, quote=False)) + markup

    def _named(self, tag: str) -> str | None:
        """The name of the list that begins: the heading right above it, but not the page's own title above a ``<DL>``."""
        heading, self._heading, self._in_heading = self._heading, None, False
        if heading is None or (tag == "dl" and self._level == "h1"):
            return None
        return heading.strip() or None

    def _end_entry(self) -> None:
        if self._entry:
            self.done.append(self._entry)
        self._entry, self._in_link, self._in_note = None, False, False
