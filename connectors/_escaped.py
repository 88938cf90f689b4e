"""
Backslash escapes in the values of vCards and calendars.
"""

from __future__ import annotations

import re


def unescape(value: str) -> str:
    """The text of a value: ``\\n`` is a line end, any other escaped character stands for itself."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value.replace("\r\n", "\n"), flags=re.DOTALL)


def split(value: str, separator: str) -> list[str]:
    """The parts of a structured value, unescaped and stripped; empty ones stay only where places count (``;``)."""
    parts = [""]
    for token in re.findall(rf"\\.|{separator}|[^\\{separator}]+|\\", value, re.DOTALL):
        if token == separator:
            parts.append("")
        else:
            parts[-1] += token
    plain = [unescape(part).strip() for part in parts]
    return plain if separator == ";" else [part for part in plain if part]
