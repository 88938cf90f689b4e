"""
Samples of what a service or an archive gives, made up by a connector's author: what the conformance kit plays with.

A file ``NAME.json``, beside ``NAME.py`` or in a folder ``samples`` there::

    {
        "account": {"id": "7", "username": "pat"},
        "options": {"shelf": "main"},
        "streams": {"likes": [{"id": 1, ...}, {"id": 2, ...}, {"id": 3, ...}]}
    }

*account* are the facts that ``who`` finds; what is left out is made up.  *who* is its whole answer, where none can be derived.  A stream has at least three different entries, as they stand in the service's
list, so that it has several pages.  Where its answer cannot be derived from the stream's paths, a stream is ``{"items": [...], "answer": {...}}``: the answer as
the service gives it, with ``"$items"`` where the list stands and ``"$next"`` where the cursor or the URL of the next page does.

For a protocol of its own, *replies* lists whole answers: ``{"path": "/v0/item/1.json", "params": {...}, "json": ...}``, or ``text`` instead of ``json``, with
*status*, *headers* and *method* if need be; one answers every request of its path that has its parameters, those with the most of them first.  *files* are the
names of sample archives beside it, for connectors that read files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .connector import Fetching
from .error import Invalid, NotFound
from .record import parse

_MEMBERS = ("account", "who", "options", "secrets", "streams", "replies", "files")
_REPLY = ("method", "path", "params", "status", "headers", "json", "text")


@dataclass(frozen=True, slots=True)
class Listed:
    """The entries of one stream, and the *answer* that holds them, None to derive it."""

    items: tuple[Any, ...]
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Given:
    """A whole answer that is given as it stands."""

    path: str
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What an author gives for one connector."""

    account: Mapping[str, str] = field(default_factory=dict)
    who: Any = None
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    streams: Mapping[str, Listed] = field(default_factory=dict)
    replies: tuple[Given, ...] = ()
    files: tuple[Path, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Samples:
        """Read a file.  Raises Invalid, with what is accepted."""
        try:
            return cls.of(parse(path.read_bytes()), path.parent)
        except OSError as error:
            raise NotFound(f"{path}: {error.strerror or error}; it must hold sample entries, see docs/writing-a-connector.md") from error
        except Invalid as error:
            raise Invalid(f"{path}: {error}") from error

    @classmethod
    def of(cls, value: Any, folder: Path = Path()) -> Samples:
        """Check samples.  Raises Invalid, with what is accepted."""
        _known(value, _MEMBERS, "it")
        streams, files = value.get("streams", {}), value.get("files", [])
        if not isinstance(streams, dict) or not isinstance(files, list) or not all(isinstance(name, str) for name in files):
            raise Invalid("streams must be an object of lists by the streams' names, and files a list of names")
        return cls(
            account=_texts(value, "account"),
            who=value.get("who"),
            options=_texts(value, "options"),
            secrets=_texts(value, "secrets"),
            streams={name: _listed(one, name) for name, one in streams.items()},
            replies=tuple(_given(one, n) for n, one in enumerate(value.get("replies", []))),
            files=tuple(folder / name for name in files),
        )

    def lacks(self, connector: Fetching) -> list[str]:
        """What is missing for a connector to be played with, a sentence each."""
        names = [stream.name for stream in connector.streams]
        missing = [f"there is no stream {name}; there are {', '.join(names)}" for name in self.streams if name not in names]
        if not self.replies:
            missing += [f"the samples have no entries of the stream {name}" for name in names if name not in self.streams]
        return missing


def beside(path: Path) -> Path | None:
    """The samples that belong to a connector's file: ``NAME.json`` beside it, in ``samples`` there, or in ``tests/samples`` beside its folder."""
    rooms = (path.parent, path.parent / "samples", path.parent / "tests" / "samples", path.parent.parent / "tests" / "samples")
    return next((found for room in rooms if (found := room / f"{path.stem}.json").is_file()), None)


def _known(value: Any, names: tuple[str, ...], place: str) -> None:
    if not isinstance(value, dict):
        raise Invalid(f"{place} must be an object with {', '.join(names)}")
    if unknown := [name for name in value if name not in names]:
        raise Invalid(f"{place} has {unknown[0]}, which means nothing here; there are {', '.join(names)}")


def _texts(value: Mapping[str, Any], name: str) -> dict[str, str]:
    found = value.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise Invalid(f"{name} must be an object of texts")
    return found


def _listed(value: Any, name: str) -> Listed:
    answer = None
    if isinstance(value, dict):
        _known(value, ("items", "answer"), f"the stream {name}")
        value, answer = value.get("items"), value.get("answer")
    if not isinstance(value, list) or not value:
        raise Invalid(f"the stream {name} must be a list of entries, or an object of items and answer")
    return Listed(tuple(value), answer)


def _given(value: Any, n: int) -> Given:
    _known(value, _REPLY, f"replies[{n}]")
    path, body = value.get("path"), value.get("text")
    if not isinstance(path, str) or not path.startswith("/"):
        raise Invalid(f"replies[{n}].path must be a text that starts with /")
    if body is None:
        body = json.dumps(value.get("json"))
    params = {name: str(one) for name, one in value.get("params", {}).items()}
    headers = _texts(value, "headers")
    return Given(path, value.get("method", "GET"), params, value.get("status", 200), headers, body.encode())
