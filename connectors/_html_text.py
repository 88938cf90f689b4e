"""
The readable text of an HTML document: for searching and previews, not for display.
"""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

_HIDDEN = frozenset(("head", "script", "style", "title", "template"))
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section"),
        *("table", "tbody", "tfoot", "thead", "tr", "ul"),
    )
)


class _Stripper(HTMLParser):
    """Collects what a reader would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser calls it so
        if tag in _HIDDEN:
            self.hidden += 1
        elif tag == "body":
            self.hidden = 0  # a head that was never closed hides nothing any more
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def html_text(source: str) -> str:
    """Lines of text, blocks on lines of their own.  Never raises, whatever the markup.

    >>> html_text("<p>Hello&nbsp;<b>you</b></p><script>x()</script><p>there")
    'Hello you\\nthere'
    """
    stripper = _Stripper()
    try:
        stripper.feed(source)
        stripper.close()
        text = "".join(stripper.parts)
    except (AssertionError, ValueError, RecursionError):  # html.parser gives up on some broken declarations
        text = unescape(re.sub(r"<[^>]*>", " ", source))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
