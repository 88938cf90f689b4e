"""
Decodes a text file of unknown encoding, line by line, and says when it had to guess.

The encoding is the byte order mark's, else the one that the file itself names (``<?xml encoding``, ``<meta charset``), else UTF-8.  A line that does
not fit is read as Windows-1252, the superset of Latin-1 that old exporters wrote.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Literal

from locker.connector import Problem

Shape = Literal["json", "markup", "text", "empty"]

LONGEST = 1 << 24
"""Bytes of one line that we are ready to hold in memory; a longer one is read in pieces."""

_HEAD = 4096
_DECLARED = re.compile(rb"""<(?:\?xml|meta)\b[^>]*\b(?:encoding|charset)\s*=\s*["']?([A-Za-z0-9._:-]+)""", re.IGNORECASE)
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def head(file: io.BufferedReader) -> str:
    """The first characters of a file, which is not moved by looking."""
    start = file.peek(_HEAD)[:_HEAD]
    return start.decode(_encoding(start), "replace").lstrip("\ufeff")


def shape(start: str) -> Shape:
    """What a file that starts so is likely to be."""
    match start.lstrip()[:1]:
        case "":
            return "empty"
        case "{" | "[":
            return "json"
        case "<":
            return "markup"
    return "text"


class Lines:
    """The lines of a file as text, line ends kept.  *problem* is set once one of them had to be guessed; *number* counts the lines given."""

    def __init__(self, file: BinaryIO, name: str, longest: int = LONGEST) -> None:
        self._file, self._name, self._longest = file, name, longest
        self.problem: Problem | None = None
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        buffered = self._file if isinstance(self._file, io.BufferedReader) else io.BufferedReader(self._file)  # type: ignore[type-var]
        encoding = _encoding(buffered.peek(_HEAD)[:_HEAD])
        decoded = self._wide(buffered, encoding) if encoding.startswith(("utf-16", "utf-32")) else self._narrow(buffered, encoding)
        for line in decoded:
            self.number += 1
            yield line

    def problems(self) -> Iterator[Problem]:
        """The note on guessed lines, if there is one to give."""
        if self.problem:
            yield self.problem

    def _wide(self, file: BinaryIO, encoding: str) -> Iterator[str]:
        with io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="") as text:
            while line := text.readline(self._longest):
                if "\ufffd" in line:
                    self._note(f"not valid {encoding}; what could not be read became U+FFFD")
                yield line

    def _narrow(self, file: BinaryIO, encoding: str) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(encoding)()
        while data := file.readline(self._longest):
            before = decoder.getstate()[0]
            try:
                line = decoder.decode(data, final=data.endswith(b"\n"))
            except UnicodeDecodeError as error:
                self._note(f"not valid {encoding} ({error.reason}); such lines were read as windows-1252")
                line = (before + data).decode("cp1252", "replace")
                decoder.reset()
            yield line
        if rest := decoder.getstate()[0]:
            self._note(f"not valid {encoding} (ends within a character)")
            yield rest.decode("cp1252", "replace")

    def _note(self, reason: str) -> None:
        self.problem = self.problem or Problem(self._name, f"line {self.number + 1}", reason)


def _encoding(start: bytes) -> str:
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name
    declared = _DECLARED.search(start)
    try:
        name = codecs.lookup(declared[1].decode()).name if declared else "utf-8"
        codecs.getincrementaldecoder(name)().getstate()
        "<".encode(name).decode("ascii")  # a declaration that we could read is not that of a wide or foreign encoding
    except (LookupError, ValueError, NotImplementedError):
        return "utf-8"
    # Pages that say so are Windows-1252 in practice, as the HTML standard has it.
    return "cp1252" if name in ("ascii", "iso8859-1") else name
