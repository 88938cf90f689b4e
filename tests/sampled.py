"""
The made-up samples of connectors that fetch, as items and as what they say.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from locker.connector import Answer, Body, Item
from locker.error import LockerError
from locker.sample import Samples
from tests.mapping import Sample, fetching, made, said


@cache
def samples(name: str) -> Samples:
    """The samples of a connector."""
    return Samples.load(Path(__file__).parent / f"samples/{name}.json")


def items(name: str, stream: str) -> list[Item]:
    """What the sample entries of a stream become."""
    connector = fetching(name)
    return made(connector, stream, list(samples(name).streams[stream].items))


def first(name: str, stream: str) -> Body:
    """What the first of them says."""
    item = items(name, stream)[0]
    return said(fetching(name), item.type, item.body or {})


def documents(name: str) -> list[Sample]:
    """All of a connector's sample documents, as they are stored."""
    return [(item.type, item.body or {}) for stream in samples(name).streams for item in items(name, stream)]


def judged(name: str, status: int, body: bytes, **headers: str) -> LockerError | None:
    """What an answer means to a connector."""
    connector = fetching(name)
    return connector.judge(Answer(status, headers, body, f"{connector.base_url}/x"))


def keys(name: str, stream: str) -> list[Any]:
    """The keys of a stream's sample entries."""
    return [item.key for item in items(name, stream)]
