"""
How a service's answers drift over the years: more fields, fewer, and fields of another type; the same change each time, so that a failure can be repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any
from xml.sax.saxutils import escape

from .record import Body
from .stand_in import Call, Mood, Reply

Drift = Callable[[Any, Random], Any]
_LEAF = re.compile(rb"<([A-Za-z][\w:.-]*)>([^<]*)</\1>")
_OTHERS: tuple[Any, ...] = (None, 7, "text", [], {}, [{}], [None])


def drifting(drift: Drift, seed: int) -> Mood:
    """Answers whose JSON or XML changed; the same change each time."""

    def mood(call: Call, reply: Reply) -> Reply:
        if call.name == "who" or reply.status != 200:
            return reply
        random = Random(f"{seed} {call.path}")  # noqa: S311
        if reply.body.lstrip().startswith(b"<"):
            return replace(reply, body=_LEAF.sub(lambda leaf: _leaf(leaf, drift, random), reply.body))
        try:
            return replace(reply, body=json.dumps(drift(json.loads(reply.body), random)).encode())
        except ValueError:
            return reply

    return mood


def _leaf(leaf: re.Match[bytes], drift: Drift, random: Random) -> bytes:
    """An element that holds only text, as a member of an object that drifts."""
    name = leaf[1].decode("ascii", "replace")
    drifted = drift({name: leaf[2].decode("utf-8", "replace")}, random)
    return b"".join(f"<{name}>{escape(str(value))}</{name}>".encode() for name, value in drifted.items())


def more(value: Any, random: Random) -> Any:
    """fields that nobody knew"""
    if isinstance(value, dict):
        return {**{name: more(inner, random) for name, inner in value.items()}, "conformance": {"new": [random.random(), None]}}
    return [more(inner, random) for inner in value] if isinstance(value, list) else value


def fewer(value: Any, random: Random) -> Any:
    """fields that are gone"""
    if isinstance(value, dict):
        return {name: fewer(inner, random) for name, inner in value.items() if random.random() < 0.8}
    return [fewer(inner, random) for inner in value] if isinstance(value, list) else value


def other(value: Any, random: Random) -> Any:
    """fields of another type"""
    if isinstance(value, dict):
        return {name: other(inner, random) for name, inner in value.items()}
    if isinstance(value, list):
        return [other(inner, random) for inner in value]
    return value if random.random() < 0.7 else random.choice([None, 7, "text", True, [], {}, [value], {"is": value}, 1.5])


def each_changed(body: Body) -> Iterator[Body]:
    """A body with each of its members, and of theirs, gone or of another type, one at a time."""
    for name, value in body.items():
        yield {other: inner for other, inner in body.items() if other != name}
        yield from ({**body, name: changed} for changed in _OTHERS)
        if isinstance(value, dict):
            yield from ({**body, name: inner} for inner in each_changed(value))
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield from ({**body, name: [inner]} for inner in each_changed(value[0]))
