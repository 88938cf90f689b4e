"""
What the tests of people's account exports share: writing small ones, as a folder or as zips.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1e300,
    10**400,
    "",
    "x",
    "é",
    "2020-01-01T00:00:00Z",
    [],
    {},
    [1],
    ["a"],
    [[]],
    [{}],
    {"a": 1},
    {"data": [{}]},
]


def spoilt(value: Any) -> Any:
    """A value as Meta writes it: UTF-8 read as Latin-1."""
    if isinstance(value, str):
        return value.encode().decode("latin-1")
    if isinstance(value, dict):
        return {spoilt(name): spoilt(inner) for name, inner in value.items()}
    return [spoilt(inner) for inner in value] if isinstance(value, list) else value


def unpack(folder: Path, files: dict[str, Any]) -> Path:
    """A folder with these files; what is neither bytes nor text is written as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def pack(path: Path, folder: Path, names: list[str] | None = None) -> Path:
    """A zip of a folder, or of some of its files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for one in sorted(folder.rglob("*")):
            name = one.relative_to(folder).as_posix()
            if one.is_file() and (names is None or name in names):
                file.write(one, name)
    return path


@st.composite
def damaged(draw: st.DrawFn, files: dict[str, Any]) -> dict[str, Any]:
    """These files, with up to three values anywhere in their JSON replaced by something else."""
    broken = deepcopy(files)
    documents = [name for name, content in files.items() if not isinstance(content, str | bytes)]
    for name in draw(st.lists(st.sampled_from(documents), min_size=1, max_size=3)):
        path = draw(st.sampled_from(list(_paths(broken[name]))))
        broken[name] = _put(broken[name], path, deepcopy(draw(st.sampled_from(JUNK))))
    return broken


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from _paths(one, (*path, name))


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    value[path[0]] = _put(value[path[0]], path[1:], new)
    return value
