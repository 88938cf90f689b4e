"""
Turns HTML into the text that a reader would see.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LISTS = ("dd", "dl", "dt", "li", "ol", "table", "td", "th", "tr", "ul")
_PARTS = ("address", "article", "blockquote", "br", "div", "figcaption", "figure", "hr", "p", "pre", "section")
_BLOCKS = frozenset((*_HEADINGS, *_LISTS, *_PARTS))
_HIDDEN = frozenset(("script", "style", "template", "title"))
_DECLARATION = re.compile(r"<[!?][^<>]*>")
_LONELY = re.compile(r"<(?!/?[a-zA-Z][^<>]*>)")
_TAG = re.compile(r"<(/?[a-zA-Z][^\s/<>]*)[^<>]*>")
_BLANK_LINES = re.compile(r"\s*\n\s*")
_BLANKS = re.compile(r"[^\S\n]+")


def plain(markup: str) -> str:
    """The words of an HTML fragment, one line per block.  Never raises."""
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    reader = _Text()
    try:
        reader.feed(_tame(markup))
        reader.close()
    except AssertionError:  # html.parser's answer to declarations that it does not know
        reader.pieces.append(markup)
    return _BLANK_LINES.sub("\n", _BLANKS.sub(" ", "".join(reader.pieces))).strip()


def _tame(markup: str) -> str:
    """The markup with bare tags only: html.parser takes quadratic time (minutes for 60 KB) over tags, comments and quotes that never end."""
    kept: list[str] = []
    start = 0
    while (comment := markup.find("<!--", start)) >= 0 and (end := markup.find("-->", comment + 4)) >= 0:
        kept.append(markup[start:comment])
        start = end + 3
    kept.append(markup[start:])
    whole = _DECLARATION.sub("", "".join(kept))
    return _TAG.sub(r"<\1>", _LONELY.sub("&lt;", whole))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (the base class's signature)
        self._hidden += tag in _HIDDEN
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            # A line end in the source is a blank; only blocks make lines.
            self.pieces.append(data.replace("\n", " ").replace("\r", " "))
