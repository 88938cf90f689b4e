"""
How the lines of vCards and calendars are broken, and what the backslashes in their values mean.
"""

from __future__ import annotations

import re


def unescape(value: str) -> str:
    """The text of a value: ``\\n`` is a line end, any other escaped character stands for itself."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value.replace("\r\n", "\n"), flags=re.DOTALL)


def unbroken(text: str) -> str:
    """The lines of a text (ends are ``\\n``) with the soft breaks of quoted-printable values joined, in one pass however many there are."""
    if "=\n" not in text:
        return text
    lines: list[str] = []
    rest: list[str] = []
    for line in text.split("\n"):
        if line.endswith("=") and (rest or "QUOTED-PRINTABLE" in line.partition(":")[0].upper()):
            rest.append(line[:-1])
        else:
            lines.append("".join((*rest, line)))
            rest.clear()
    return "\n".join(("\n".join(lines), "".join(rest)) if rest else lines)


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
