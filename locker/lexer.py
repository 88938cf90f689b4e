"""
The tokens of a query text: names, texts in quotes, numbers, moments and marks, each with its place.

One compiled regular expression does the work; its alternatives stand in the order in which the longest token wins.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .error import QueryError
from .words import MOMENT, Value, moment, number

NAME = "[A-Za-z_][A-Za-z0-9_]*"
_TOKEN = re.compile(
    rf"""[ \t\r\n]*(?:
        (?P<moment>{MOMENT})
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE]-?[0-9]+)?)
      | (?P<name>{NAME})
      | (?P<string>'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")
      | (?P<mark>\.-\.|\.-|-\.|\+\.|!=|[\[\]():,.+-])
      | (?P<end>\Z)
      | (?P<stray>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_MINUS = re.compile(r"-\.?")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"'": "'", '"': '"', "\\": "\\", "n": "\n"}

BEFORE_A_NUMBER = frozenset({":", "!=", "-", "-.", ".-", ".-."})
"""A sign belongs to a number only after these; elsewhere ``-`` is the operator (``8-`` is "less than 8", ``a:-8`` is minus eight)."""

_ADVICE = {
    "'": "this quote is never closed; write \\' for a quote inside a text",
    '"': 'this quote is never closed; write \\" for a quote inside a text',
    "=": "there is no '='; write a:5 for equal, a!=5 for unequal, a:5+. for at least",
    ">": "there is no '>'; write a:5+ for more than 5, a:5+. for at least 5",
    "<": "there is no '<'; write a:5- for less than 5, a:5-. for at most 5",
    "!": "there is no lone '!'; write NOT before a term, or a!=5",
    "&": "there is no '&' here; write a comma or AND",
    "|": "there is no '|'; write OR",
    "\\": "a backslash means something only inside quotes",
}


class Token(NamedTuple):
    """*kind* is name, string, number, moment or end, or the mark itself (``:``, ``+.``); the text from *start* to *end*."""

    kind: str
    value: Value
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """All tokens of the text, an ``end`` last.  Raises QueryError."""
    if not text.isascii():
        _refuse_surrogates(text)
    found: list[Token] = []
    at, previous, match = 0, "", _TOKEN.match
    while previous != "end":
        token = match(text, at)
        assert token is not None  # the last alternative takes any character
        kind = token.lastgroup
        assert kind is not None
        start, at = token.span(kind)
        word = token[kind]
        value: Value = None
        if kind == "number" and word[0] == "-" and previous not in BEFORE_A_NUMBER:
            kind, at = "mark", _end(_MINUS.match(text, start))
            word = text[start:at]
        if kind == "mark":
            kind = word
        elif kind == "name":
            value = word
        elif kind == "string":
            value = _unquote(text, start, word)
        elif kind == "number":
            value = _number(text, start, at)
        elif kind == "moment":
            value = _moment(text, start, at)
        elif kind == "stray":
            raise QueryError(_ADVICE.get(word, f"{word!r} stands for nothing here; put texts in quotes"), text, start)
        found.append(Token(kind, value, start, at))
        previous = kind
    return found


def quote(text: str) -> str:
    """The text as a string of the term language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return "'" + re.sub(r"[\x00-\x1f\x7f]", lambda control: f"\\u{ord(control[0]):04x}", escaped) + "'"


def _end(found: re.Match[str] | None) -> int:
    assert found is not None
    return found.end()


def _unquote(text: str, start: int, word: str) -> str:
    inside = word[1:-1]
    if "\\" not in inside:
        return inside

    def plain(escape: re.Match[str]) -> str:
        code, letter = escape.groups()
        if code:
            return chr(int(code, 16))
        if letter in _PLAIN_ESCAPES:
            return _PLAIN_ESCAPES[letter]
        raise QueryError("the escapes are \\' \\\" \\\\ \\n and \\uXXXX; write \\\\ for a backslash", text, start + 1 + escape.start())

    made = _ESCAPE.sub(plain, inside)
    try:
        # Two \u escapes may make one character beyond U+FFFF, as in JSON.
        return made.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise QueryError("half a surrogate pair is not a character", text, start) from error


def _number(text: str, start: int, end: int) -> int | float:
    _refuse_glue(text, end, "number")
    word = text[start:end]
    # Python refuses to read integers of more than 4300 digits; as a double they are as good.
    exact = len(word) < 4000 and word.lstrip("-").isdigit()
    value = number(int(word) if exact else float(word))
    if value in (float("inf"), float("-inf")):
        raise QueryError("this number is too large; the largest is about 1.8e308", text, start)
    return value


def _moment(text: str, start: int, end: int) -> Value:
    _refuse_glue(text, end, "moment")
    found = moment(text[start:end])
    if found is None:
        raise QueryError(f"{text[start:end]} is in no calendar", text, start)
    return found


def _refuse_glue(text: str, end: int, what: str) -> None:
    """``5OR`` is neither a number nor a keyword; ``2011-05-18T10`` is only half a date-time."""
    if text[end : end + 1].isalnum():
        advice = "put a space before OR, AND and NOT, and quotes around a text like '5th'"
        if what == "moment":
            advice = "write a date-time as 2011-05-18T10:00:00Z, and put a space before OR and AND"
        raise QueryError(f"a {what} ends here, and no letter or digit may follow it; {advice}", text, end)


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError("half a surrogate pair is not a character", text, error.start) from error
