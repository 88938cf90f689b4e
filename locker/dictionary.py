"""
A dictionary of names finds those that a text mentions, in one pass however many there are.

Case and accents do not matter, words are whole, and inflected words are known by their stems in the text's language.  One Aho-Corasick automaton per
language holds the stems of every name, with a blank at both ends: where words end is part of what is looked for.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from threading import Lock

import ahocorasick
import Stemmer

from .words import words

_ALGORITHMS = """
ar:arabic ca:catalan cs:czech da:danish de:german el:greek en:english es:spanish et:estonian eu:basque fi:finnish fr:french ga:irish hu:hungarian
hy:armenian it:italian lt:lithuanian nb:norwegian nl:dutch nn:norwegian no:norwegian pl:polish pt:portuguese ro:romanian ru:russian sr:serbian
sv:swedish tr:turkish"""
LANGUAGES = dict(pair.split(":") for pair in _ALGORITHMS.split())
"""Languages whose inflections are known, by ISO 639-1 code; in any other only whole equal words are found."""

SHORT = 2
ENDING = 4
_CAPITALS = re.compile(rf"(?<![\w'’])[^\W\d_a-z]{{1,{SHORT}}}(?!\w)")


@dataclass(frozen=True, slots=True)
class Name:
    """One name or alias of the thing called *id*.

    A *proper* name (a person's, a party's) is inflected at its end only: Annas is Anna, Anne is not, though their stems are equal.
    """

    id: str
    text: str
    proper: bool = False


class Dictionary:
    """Names, for looking up in texts.  Immutable; safe to use from any thread."""

    def __init__(self, names: Iterable[Name]) -> None:
        self._words: dict[tuple[str, ...], list[Name]] = {}
        self._capitals: dict[str, list[str]] = {}
        for name in names:
            if is_abbreviation(name.text):
                self._capitals.setdefault(name.text.strip(), []).append(name.id)
            elif split := tuple(words(name.text)):
                self._words.setdefault(split, []).append(name)
        self._lock = Lock()
        self._automata: dict[str, ahocorasick.Automaton] = {}

    def find(self, text: str, language: str | None = None) -> dict[str, int]:
        """The ids of what a text mentions, in the order of first mention, each with how often.  *language* is a code like ``sv`` or ``sv-SE``."""
        found: dict[str, int] = {}
        told = words(text)
        if told and self._words:
            algorithm = LANGUAGES.get((language or "").lower().replace("_", "-").partition("-")[0], "")
            different = list(dict.fromkeys(told))
            stems = [*map(dict(zip(different, stemmed(different, algorithm), strict=True)).__getitem__, told)]
            starts = list(accumulate((len(stem) + 1 for stem in stems), initial=0))
            for end, names in self._automaton(algorithm).iter(f" {' '.join(stems)} "):
                last = bisect_left(starts, end)
                for split, called in names:
                    heard = told[last - len(split) : last]
                    for name in called:
                        if not name.proper or _is_inflected(split, heard):
                            found[name.id] = found.get(name.id, 0) + 1
        for capitals in _CAPITALS.findall(text) if self._capitals else ():
            for id in self._capitals.get(capitals, ()):
                found[id] = found.get(id, 0) + 1
        return found

    def _automaton(self, algorithm: str) -> ahocorasick.Automaton:
        """The automaton of a language, made when it is first needed."""
        with self._lock:
            if algorithm not in self._automata:
                grouped: dict[str, list[tuple[tuple[str, ...], list[Name]]]] = {}
                for split, names in self._words.items():
                    plain = tuple(without_accents(split))
                    grouped.setdefault(f" {' '.join(stemmed(split, algorithm))} ", []).append((plain, names))
                automaton = ahocorasick.Automaton()
                for pattern, named in grouped.items():
                    automaton.add_word(pattern, named)
                automaton.make_automaton()
                self._automata[algorithm] = automaton
            return self._automata[algorithm]


def is_abbreviation(text: str) -> bool:
    """Whether a name is one or two capital letters: found only where it is written so, for "it" is not IT."""
    return bool(_CAPITALS.fullmatch(text.strip()))


def stemmed(told: Sequence[str], algorithm: str) -> list[str]:
    """The stems of words without their accents; the words themselves if the language is not known."""
    # A stemmer keeps a state of its own, so that two threads must not share one.
    return without_accents(Stemmer.Stemmer(algorithm).stemWords(list(told)) if algorithm else told)


def without_accents(told: Sequence[str]) -> list[str]:
    """Folded words without the marks on their letters: "malmo" for "malmö"."""
    text = "\n".join(told)
    return list(told) if text.isascii() else unicodedata.normalize("NFKD", text).translate(_MARKS).split("\n")


class _Marks(dict[int, int | None]):
    """For ``str.translate``: None for each mark on a letter, and for each blank that taking a letter apart gave, found out once per character."""

    def __missing__(self, code: int) -> int | None:
        kept = None if unicodedata.combining(chr(code)) or chr(code) == " " else code
        if len(self) < 0x10000:
            self[code] = kept
        return kept


_MARKS = _Marks()


def _is_inflected(name: Sequence[str], heard: Sequence[str]) -> bool:
    if tuple(heard) == tuple(name):
        return True
    return all(word.startswith(part) and len(word) - len(part) <= ENDING for part, word in zip(name, without_accents(heard), strict=True))
