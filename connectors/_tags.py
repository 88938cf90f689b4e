"""
Splits what exporters write as one text into tags.
"""

from __future__ import annotations

import json
import re
from typing import Any

_SEPARATORS = re.compile(r"[,|;]")


def tags(value: Any, *, spaces: bool = False) -> list[str]:
    """The tags of a list, of a JSON list in a text, or of a text with commas, bars or semicolons; each once, in order.

    With *spaces*, a text without any of those is split at white space.
    """
    if isinstance(value, str):
        value = _listed(value, spaces)
    if not isinstance(value, list):
        return []
    found = [tag.strip() for tag in map(_name, value)]
    return list(dict.fromkeys(tag for tag in found if tag))


def _listed(text: str, spaces: bool) -> list[Any]:
    if text.startswith("["):
        try:
            return list(json.loads(text))
        except (ValueError, TypeError, RecursionError):
            pass
    return text.split() if spaces and not _SEPARATORS.search(text) else _SEPARATORS.split(text)


def _name(tag: Any) -> str:
    if isinstance(tag, dict):
        tag = next((tag[name] for name in ("tag", "label", "name", "title", "term") if isinstance(tag.get(name), str)), "")
    return tag if isinstance(tag, str) else ""
