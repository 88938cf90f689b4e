"""
What a request line asks: the parameters of its query string, the plus sign told from the blank, and the original's quoted values.

In ``terms`` and ``time`` a ``+`` may be an operator (``21+``), a zone's sign or a blank that somebody form-encoded; which one is decided on
the raw query string (decisions §3, shown in ``docs/query-language.md``).  Everywhere else it is a blank.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from locker.error import Invalid
from locker.record import parse
from locker.term import items

PLUS_MATTERS = frozenset({"terms", "time"})

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLUS = re.compile(
    r"""
      (?P<quoted>'[^'\\]*(?:\\.[^'\\]*)*(?:'|\Z) | "[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z))
    | (?P<zone>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?\+(?=[0-9]{2}:[0-9]{2}))
    | (?P<operator>(?<=[A-Za-z0-9_'"])\+(?=[.,)\]]|\Z))
    | \+
    """,
    re.VERBOSE | re.DOTALL,
)


def parse_query_string(raw: str) -> list[tuple[str, str]]:
    """Names and values in order, decoded; *raw* is the part after ``?`` as it came in, percent-encoded or not.

    A part without ``=`` has the value ``""`` (``/fields?contact/twitter``).  Raises Invalid for a broken escape and for bytes that are not UTF-8.
    """
    found: list[tuple[str, str]] = []
    for part in raw.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = _decode(name.replace("+", " "))
        found.append((name, _with_plus(value) if name in PLUS_MATTERS else _decode(value.replace("+", " "))))
    return found


def last_of_each(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """One value for each name; of several the last wins, as it did in the original."""
    return dict(pairs)


def unquoted(value: str) -> str:
    """The value without the quotes that the original wanted around it: ``id='github:17'``."""
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"" else value


def whole_number(name: str, value: str) -> int:
    """A number that may be quoted, like ``limit='10'``.  Raises Invalid if it is none, or negative."""
    plain = unquoted(value).strip()
    if not (plain.isascii() and plain.isdigit()):
        raise Invalid(f"{name} must be a whole number, 0 or more, not {value[:40]!r}")
    # Eighteen digits are beyond every limit already, and Python refuses to read thousands.
    return int(plain.lstrip("0")[:18] or "0")


def sort_order(value: str) -> list[tuple[str, bool]]:
    """Fields with "descending?": ``name``, ``-time``, ``name,-time``, or the original's ``{"name":-1}``.  Raises Invalid."""
    plain = unquoted(value.strip())
    if plain.startswith("{"):
        found = parse(plain)
        if not found or any(isinstance(way, bool) or way not in (1, -1) for way in found.values()):
            raise Invalid('each direction in sort is 1 or -1, like {"name":-1}')
        return [(field, way == -1) for field, way in found.items()]
    order = [(field.removeprefix("-"), field.startswith("-")) for field, _ in items(plain)]
    if not order or not all(field for field, _ in order):
        raise Invalid("sort names a field, like name, or -time for the newest first")
    return order


def field_names(value: str) -> list[str]:
    """The names of ``fields=a,b`` or the original's ``fields=['a','b']``.  Raises Invalid."""
    found = [field for field, _ in items(value)]
    if not found or not all(found):
        raise Invalid("fields names at least one field, like name,address.state")
    return found


def _with_plus(value: str) -> str:
    """Decode a value in which a plus sign may be meant."""
    if "%20" in value:  # whoever writes blanks so means each plus sign
        return _decode(value)
    if "%2b" in value.lower():  # whoever writes plus signs so means blanks by the bare ones
        return _decode(value.replace("+", " "))
    return _PLUS.sub(_plus, _decode(value))


def _plus(found: re.Match[str]) -> str:
    if found["zone"] or found["operator"]:
        return found[0]
    return found[0].replace("+", " ")


def _decode(text: str) -> str:
    if broken := _BROKEN_ESCAPE.search(text):
        raise Invalid(f"{text[broken.start() : broken.start() + 3]!r} in the query string is no escape; write %25 for a percent sign")
    try:
        # A server hands us bytes that are not UTF-8 as lone surrogates.
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode()
    except UnicodeError as error:
        raise Invalid("the query string is not UTF-8; encode it as UTF-8 and then with percent escapes") from error
