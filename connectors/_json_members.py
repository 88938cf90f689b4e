"""
Reads the elements of a JSON file one by one, however long the file is, and loses none of them silently.

The text may start like a script (``window.YTD.tweets.part0 = [``, ``Grailbird.data.tweets_2009_01 = [``, ``var user_details = {``), with a byte order mark,
and may hold several values one after another.  Elements are cut out by the standard library's decoder and read strictly: the streaming parsers turn a
lone surrogate into ``?``, drop repeated keys and give the file up at a long number.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, BinaryIO

from locker.connector import Archive, Blob, Body, Problem
from locker.error import Fatal, Invalid
from locker.record import canonical, parse

CHUNK = 1 << 16
DEEPEST = 200
"""Levels of an element: beyond, neither digests nor databases follow."""

LONGEST = 1 << 26
"""Characters of one element that we are ready to hold in memory."""

_DECODER = json.JSONDecoder(strict=False)
_PREFIX = re.compile(r"\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w.$]*\s*=\s*")
_HUGE = re.compile(r"[eE]\+?\d{3}")
_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its *value*, the *name* of the top-level member it stands in (or empty), and its *place* for people (``element 3``).

    *body* is what a log keeps of an element that is an object: the value itself, or, if it is flawed (a lone surrogate, a repeated key, NaN, bytes that
    are not UTF-8), ``{"raw": <source text>, "mended": value}``.
    """

    value: Any
    body: Any
    name: str
    place: str


def elements(archive: Archive, file: str, within: Callable[[str], bool] | None = None) -> Iterator[Element | Problem]:
    """Every element of a top-level array; a top-level object is one element.

    With *within*, a top-level object is opened instead: members whose name it holds for are given, one element each for those of an array.
    A flawed element comes after a Problem that says why; text that is no JSON is one Problem and ends the file.
    """
    try:
        with archive.open(file) as stream:
            yield from _Reader(_Window(stream), file).run(within)
    except Fatal as error:
        yield Problem(file, "file", str(error))


def mended(body: Body) -> Body:
    """What an element's stored body says: the body, or the mended value of a flawed one."""
    value = body.get("mended")
    return value if isinstance(value, dict) and set(body) == {"raw", "mended"} else body


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {_mend(name): _mend(inner) for name, inner in value.items()}
    return [_mend(inner) for inner in value] if isinstance(value, list) else value


class _Window:
    """The part of a file's text that is being looked at.  Bytes that are not UTF-8 stay recognisable in it as lone surrogates."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._decode = file, codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._passed, self.text, self.at = 0, "", 0
        self.more()  # an empty file stays an empty text
        self.at = int(self.text.startswith("\ufeff"))

    @property
    def position(self) -> int:
        """Characters from the start of the file."""
        return self._passed + self.at

    def more(self) -> bool:
        """Take in as much again as is left over, and forget what was read; False, and nothing changes, at the end of the file."""
        rest, new, data = self.text[self.at :], "", b"?"
        while data and not new:
            data = self._file.read(max(CHUNK, len(rest)))
            new = self._decode(data, final=not data)
        if new:
            self._passed, self.text, self.at = self._passed + self.at, rest + new, 0
        return new != ""

    def peek(self) -> str:
        """The next character that is no white space, or empty at the end."""
        while True:
            while self.at < len(self.text):
                if self.text[self.at] not in _SPACE:
                    return self.text[self.at]
                self.at += 1
            if not self.more():
                return ""

    def skip(self, wanted: str) -> bool:
        """Step over the next character if it is one of *wanted*."""
        found = self.peek()
        self.at += (hit := found != "" and found in wanted)
        return hit

    def skip_prefix(self) -> None:
        """Step over what makes a script of it: an assignment before the value.  Raises Invalid if there is nothing at all."""
        if not self.peek():
            raise Invalid("the file is empty")
        if match := _PREFIX.match(self.text, self.at):
            self.at = match.end()

    def value(self) -> tuple[Any, str]:
        """The next value, read leniently, and its text.  Raises Invalid if there is none."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                if not self._is_cut(error) or not self.more():
                    raise Invalid(
                        "nested too deeply" if isinstance(error, RecursionError) else getattr(error, "msg", str(error))
                    ) from error
                continue
            # A number near the end may go on in the next chunk: 1.5 | 1.5e+ | 1.5e+16.
            if end + 4 <= len(self.text) or not isinstance(value, int | float) or not self.more():
                start, self.at = self.at, end
                return value, self.text[start:end]

    def _is_cut(self, error: Exception) -> bool:
        """Whether more text may help.  Only an open string is reported far before the place where the text ends."""
        if not isinstance(error, json.JSONDecodeError) or len(self.text) - self.at > LONGEST:
            return False
        return error.pos > len(self.text) - 16 or error.msg.startswith("Unterminated")


class _Reader:
    """Walks through the top level of one file."""

    def __init__(self, window: _Window, file: str) -> None:
        self._window, self._file, self._place, self._number = window, file, "start", 0

    def run(self, within: Callable[[str], bool] | None) -> Iterator[Element | Problem]:
        window = self._window
        try:
            window.skip_prefix()
            while window.peek():
                if window.skip("["):
                    yield from self._array("")
                elif within and window.skip("{"):
                    yield from self._object(within)
                else:
                    yield from self._next("")
                window.skip(";")
        except Invalid as error:
            yield Problem(self._file, self._place, f"not valid JSON at character {window.position}, the rest is not read: {error}")

    def _array(self, name: str) -> Iterator[Element | Problem]:
        while not self._window.skip("]"):
            yield from self._next(name)
            if not self._window.skip(",") and self._window.peek() != "]":
                raise Invalid("expected , or ]")

    def _object(self, within: Callable[[str], bool]) -> Iterator[Element | Problem]:
        window = self._window
        while not window.skip("}"):
            name, _ = window.value()
            if not isinstance(name, str) or not window.skip(":"):
                raise Invalid("expected a name and a colon")
            wanted, name = within(name), _mend(name)
            if wanted and window.skip("["):
                self._number = 0
                yield from self._array(name)
            elif wanted:
                yield from self._one(name, name)
            else:
                window.value()
            if not window.skip(",") and window.peek() != "}":
                raise Invalid("expected , or }")

    def _next(self, name: str) -> Iterator[Element | Problem]:
        self._number += 1
        return self._one(name, f"{name or 'element'} {self._number}")

    def _one(self, name: str, place: str) -> Iterator[Element | Problem]:
        self._place = place
        value, text = self._window.value()
        try:
            checked = _strict(text, value)
        except Invalid as error:
            raw, value = _raw(text), None if _is_deep(value, DEEPEST) else _mend(value)
            yield Problem(self._file, place, "it holds bytes that are not UTF-8" if isinstance(raw, Blob) else str(error))
            yield Element(value, {"raw": raw, "mended": value}, name, place)
        else:
            yield Element(checked, checked, name, place)


def _strict(text: str, value: Any) -> Any:
    """The value of a text, read strictly; *value* is what a lenient reader made of it."""
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(value, DEEPEST):
        raise Invalid("nested too deeply")
    checked = parse(text)
    if _HUGE.search(text):
        canonical({"": checked})
    return checked


def _is_deep(value: Any, left: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left < 0 or any(_is_deep(one, left - 1) for one in inner)


def _raw(text: str) -> str | Blob:
    try:
        text.encode()
    except UnicodeEncodeError:
        return Blob(text.encode("utf-8", "surrogateescape"), "application/json")
    return text


def keep(element: Element, made: Body) -> Body:
    """What a log keeps of an element from which a body was made: that body, and beside it the source text if the element is flawed."""
    return made if element.body is element.value else {"raw": element.body["raw"], "mended": made}
