"""
Reads the ``Link`` header of an answer (RFC 8288): which address stands in which relation to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TARGET = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(r'\s*;\s*(?:([\w!#$%&\'*+.^`|~-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?)?')
_QUOTED = re.compile(r"\\(.)")


def links(header: str) -> Iterator[tuple[str, str]]:
    """Each relation, in lower case, and its target as it was written.  What does not parse ends the list: a header is no reason to fail."""
    place = 0
    while target := _TARGET.match(header, place):
        place, relation = target.end(), ""
        while parameter := _PARAMETER.match(header, place):
            place = parameter.end()
            name, quoted, plain = parameter.groups()
            if name and name.lower() == "rel" and not relation:  # the first one counts (RFC 8288, 3.3)
                relation = _QUOTED.sub(r"\1", quoted) if quoted is not None else plain or ""
        for one in relation.lower().split():
            yield one, target[1].strip()


def link(header: str, relation: str) -> str | None:
    """The first target of a relation."""
    return next((target for name, target in links(header) if name == relation), None)
