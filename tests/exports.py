"""
What the tests of people's account exports share: writing small ones, as a folder or as zips.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any


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
