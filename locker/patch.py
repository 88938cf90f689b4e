"""
Merge patches: what apps ask of an object, and how it is laid over what was composed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .record import Body


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, null removes, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def patched(body: Body, edits: Iterable[tuple[int, Body | None]]) -> tuple[Body, bool]:
    """The body with the patches laid over it in log order, and whether the last thing an app did was to delete it."""
    hidden = False
    for _, patch in edits:
        hidden = patch is None
        if patch is not None:
            body = merge_patch(body, patch)
    return body, hidden
