"""
What a Singer tap says (RECORD, SCHEMA, STATE, ACTIVATE_VERSION), as pages: each ends with the state that the tap goes on from.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Mappings
from fnmatch import fnmatchcase
from typing import Any

from locker.connector import Body, Item, Page, Problem, Walk
from locker.error import Invalid
from locker.record import canonical, parse, plain_digest

from ._mapping import Mapping

PAGE = 500
MOST_KEYS = 100_000
"""Keys of one stream that are remembered to tell what a new version of it lacks."""


class Messages:
    """Turns a tap's lines into pages, from where a walk stands."""

    def __init__(self, tap: str, walk: Walk, mappings: Mappings[str, Mapping]) -> None:
        self._tap, self._mappings = tap, mappings
        before: Body = walk.step or walk.since or {}
        self.state: Any = None if walk.whole and walk.step is None else before.get("state")
        self._versions: dict[str, dict[str, dict[str, None]]] = {
            stream: {version: dict.fromkeys(keys) for version, keys in versions.items()}
            for stream, versions in before.get("versions", {}).items()
        }
        self._active: dict[str, str] = {}
        self._keys: dict[str, list[str]] = {}
        self._items: list[Item | Problem] = []

    def take(self, line: bytes) -> Iterator[Page]:
        """The pages that a line completes."""
        try:
            message = parse(line)
        except Invalid as error:
            self._items.append(Problem(self._tap, "a line", f"{error}: {line[:80]!r}"))
            return
        said = message if isinstance(message, dict) else {}
        stream = str(said.get("stream", ""))
        match said.get("type"):
            case "RECORD" if isinstance(said.get("record"), dict):
                self._items.append(self._item(stream, said["record"], said.get("version")))
            case "SCHEMA":
                self._keys[stream] = [str(name) for name in said.get("key_properties") or ()]
            case "ACTIVATE_VERSION":
                self._active[stream] = str(said.get("version"))
            case "STATE":
                self.state = said.get("value")
                if self._items:
                    yield self._page()
        if len(self._items) >= PAGE:
            yield self._page()

    def end(self) -> Iterator[Page]:
        """The last pages, once the tap ended well: what a stream's new version lacks went away."""
        for stream, active in sorted(self._active.items()):
            versions = self._versions.get(stream, {})
            kept = versions.get(active, {})
            for version in [version for version in versions if version != active]:
                self._items += [Item(self._type(stream), key, None) for key in versions.pop(version) if key not in kept]
            while len(self._items) >= PAGE:
                yield self._page(PAGE)
        yield Page(self._items, since=self._kept())

    def _page(self, count: int | None = None) -> Page:
        items, self._items = self._items[:count], [] if count is None else self._items[count:]
        return Page(items, step=self._kept())

    def _kept(self) -> Body:
        versions = {
            stream: {version: list(keys) for version, keys in found.items()}
            for stream, found in self._versions.items()
            if sum(map(len, found.values())) <= MOST_KEYS
        }
        return {"state": self.state, "versions": versions}

    def _item(self, stream: str, record: Body, version: Any) -> Item:
        key = self._key(stream, record)
        if version is not None:
            self._versions.setdefault(stream, {}).setdefault(str(version), {})[key] = None
        body: Body = {"stream": stream, "document": record}
        if mapping := self._mappings.get(stream):
            body["fields"] = mapping.fields_of(record)
        return Item(self._type(stream), key, body)

    def _key(self, stream: str, record: Body) -> str:
        values = [record.get(name) for name in self._keys.get(stream, ())]
        if values and all(value is not None for value in values):
            return f"{stream}/" + " ".join(value if isinstance(value, str) else canonical({"": value})[4:-1] for value in values)
        return f"{stream}/sha256:{plain_digest(canonical(record)).hex()}"

    def _type(self, stream: str) -> str:
        """``post/tap-github``: the tap stands for the service."""
        mapping = self._mappings.get(stream)
        type = mapping.type if mapping else "document"
        return type if "/" in type else f"{type}/{self._tap}"


def selected(catalog: Any, wanted: tuple[str, ...]) -> Body:
    """A catalog whose *wanted* streams (patterns; all if none) are selected with all their fields, in the old and in the new way."""
    streams = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(streams, list):
        raise Invalid("the tap's catalog has no streams")
    names = [str(stream.get("stream") or stream.get("tap_stream_id")) for stream in streams]
    for name, stream in zip(names, streams, strict=True):
        _select(stream, is_wanted=not wanted or any(fnmatchcase(name, pattern) for pattern in wanted))
    if wanted and not any(fnmatchcase(name, pattern) for name in names for pattern in wanted):
        raise Invalid(f"the tap has no stream called {', '.join(wanted)}; it has {', '.join(names)}")
    return {"streams": streams}


def _select(stream: Body, *, is_wanted: bool) -> None:
    schema, metadata = stream.setdefault("schema", {}), stream.setdefault("metadata", [])
    schema["selected"] = stream["selected"] = is_wanted
    whole = next((one for one in metadata if not one.get("breadcrumb")), None)
    if whole is None:
        metadata.append(whole := {"breadcrumb": [], "metadata": {}})
    for one in metadata:
        facts = one.setdefault("metadata", {})
        if facts.get("inclusion") != "unsupported":
            facts["selected"] = is_wanted
    facts = whole["metadata"]
    if not {"replication-method", "forced-replication-method"} & facts.keys():
        keys = facts.get("valid-replication-keys") or []
        facts["replication-method"] = "INCREMENTAL" if keys else "FULL_TABLE"
        if keys:
            facts.setdefault("replication-key", keys[0])
