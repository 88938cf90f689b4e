"""
The tags that everybody shares: what articles speak of, kept as objects of the commons and known here by heart.

A picture in memory follows the log of tags; from it comes the dictionary that finds the tags which a text mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import RLock

from .composer import Composer
from .decision import Decided, Sight, Write
from .dictionary import Dictionary, Name
from .error import Conflict, Invalid, NotFound
from .log import Logbook
from .record import Body

COMMONS, TYPE = "commons", "tag"
TOPIC = "topic"
PROPER = frozenset({"person", "organization", "party"})
"""Types whose names are proper names."""

MOST_NEW, LEAST_LETTERS = 20, 4
"""So many new tags may one page bring; a plain word of fewer letters is none, as "the" and "och" are."""
LONGEST_NAME, LONGEST_TYPE, MOST_ALIASES = 200, 60, 100
FRESH = 300
"""So many new tags have a small dictionary of their own, before the large one is made anew."""
PAGE = 1000
BATCH = 32
"""So many tags share a transaction: each decision looks at those before it in its batch."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Tag *n*: its name, what it is (``person``, ``party``, ``topic`` …), and other names that find it."""

    n: int
    name: str
    type: str
    aliases: tuple[str, ...] = ()

    def names(self) -> list[Name]:
        """Everything that finds it in a text."""
        return [Name(str(self.n), text, self.type in PROPER) for text in (self.name, *self.aliases)]


class Tags:
    """The tags of one locker.  Reading answers from memory; what another process wrote is seen at the next ``follow``."""

    def __init__(self, logbook: Logbook, composer: Composer) -> None:
        self._logbook, self._composer = logbook, composer
        self._lock = RLock()
        self._version, self._is_learned = 0, True
        self._tags: dict[int, Tag] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._named: dict[str, dict[int, None]] = {}
        self._large, self._small = Dictionary(()), Dictionary(())
        self._fresh: dict[int, None] = {}

    @property
    def version(self) -> int:
        """How many records of the log are known; another dictionary has another one."""
        return self._version

    # -- asking --------------------------------------------------------------------------------------

    def all(self) -> list[Tag]:
        """Every tag, oldest first."""
        with self._followed():
            return [self._tags[n] for n in sorted(self._tags)]

    def get(self, n: int) -> Tag:
        """One tag.  Raises NotFound."""
        with self._followed():
            if (found := self._tags.get(n)) is None:
                raise NotFound(f"there is no tag {n}")
            return found

    def some(self, numbers: Iterable[int]) -> list[Tag]:
        """Those of some tags that there are, in the order asked for."""
        with self._followed():
            return [self._tags[n] for n in numbers if n in self._tags]

    def known(self, numbers: Iterable[int]) -> list[Tag]:
        """The same as of the last time that anybody looked: for many in a row, after a ``follow``."""
        tags = self._tags
        return [tag for n in numbers if (tag := tags.get(n)) is not None]

    def called(self, name: str) -> list[Tag]:
        """The tags of a name or alias, whatever its letter case, oldest first."""
        with self._followed():
            return [self._tags[n] for n in sorted(self._named.get(folded(name), ()))]

    def find(self, text: str, language: str | None = None) -> dict[int, int]:
        """The tags that a text mentions, each with how often, in the order of first mention (new tags after those known for long)."""
        with self._followed():
            self._learn()
            large, small, fresh = self._large, self._small, frozenset(self._fresh)
        found = {int(id): times for id, times in large.find(text, language).items()}
        found = {n: times for n, times in found.items() if n not in fresh}
        return found | {int(id): times for id, times in small.find(text, language).items()}

    # -- writing -------------------------------------------------------------------------------------

    def adding(self, name: str, type: str, aliases: Iterable[str] = (), by: str = "system") -> Future[Decided]:
        """Make a tag, or give the one of this name and type these aliases too.  Raises Invalid."""
        body = checked(name, type, aliases)

        def add(sight: Sight) -> Write:
            n = self._standing(sight, body)
            if n is None:
                return Write(body)
            standing = sight.body(n).get("aliases", [])
            known = {folded(alias) for alias in (body["name"], *standing)}
            more = [alias for alias in body["aliases"] if folded(alias) not in known]
            return Write({"aliases": [*standing, *more]} if more else {}, n)

        return self._composer.deciding(COMMONS, TYPE, add, by)

    def bring(self, said: Sequence[tuple[str, str, Iterable[str]]], by: str) -> int:
        """Make many tags of (name, type, aliases), some dozens to a transaction; how many were said.  Raises Invalid before anything is made."""
        for number, each in enumerate(said, 1):
            try:
                checked(*each)
            except Invalid as error:
                raise Invalid(f"entry {number}: {error}") from error
        for start in range(0, len(said), BATCH):
            self.follow()  # so that a decision looks back no further than its batch
            for adding in [self.adding(*each, by=by) for each in said[start : start + BATCH]]:
                adding.result()
        return len(said)

    def changing(self, n: int, patch: Mapping[str, object], by: str) -> Future[Decided]:
        """Give a tag another name, type or list of aliases.  Raises NotFound, Invalid, or Conflict if another tag has that name and type."""
        if unknown := patch.keys() - {"name", "type", "aliases"}:
            raise Invalid(f"a tag has a name, a type and aliases, not {min(unknown)[:40]!r}")

        def change(sight: Sight) -> Write:
            old = sight.body(n)
            wished = {**old, **patch}
            made = checked(wished.get("name"), wished.get("type"), wished.get("aliases") or ())
            other = self._standing(sight, made)
            if other not in (None, n):
                raise Conflict(f"tag {other} is called {made['name']!r} already, of type {made['type']}")
            return Write({field: value for field, value in made.items() if old.get(field) != value}, n)

        return self._composer.deciding(COMMONS, TYPE, change, by)

    def ensure(self, keywords: Iterable[Mapping[str, str]], by: str = "system") -> list[int]:
        """The tags of a page's own keywords ``{"name", "type"}``; a topic may be any tag of that name.

        Those that nobody knew are made, but for little words: each would be looked for in every text from then on.
        """
        made: list[int | Future[Decided]] = []
        new = 0
        for keyword in keywords:
            name, type = str(keyword.get("name", "")), str(keyword.get("type") or TOPIC)
            known = [tag.n for tag in self.called(name) if type in (TOPIC, tag.type)]
            if not known and (new >= MOST_NEW or not is_telling(name)):
                continue
            try:
                made.append(known[0] if known else self.adding(name, type, by=by))
                new += not known
            except Invalid:
                continue  # a page's keyword of a thousand letters is no name
        return list(dict.fromkeys(each if isinstance(each, int) else each.result().n for each in made))

    def _standing(self, sight: Sight, body: Body) -> int | None:
        """The tag of a name and type, as the log stands inside the write lock: what is known here, and what came since."""
        wanted = _key(body)
        with self._lock:
            found, version = self._numbers.get(wanted), self._version
        for seen in sight.since(version + 1):
            if seen.body is not None and _key(seen.body) == wanted:
                found = seen.n
            elif seen.n == found:
                found = None
        return found

    # -- following -----------------------------------------------------------------------------------

    def follow(self) -> None:
        """Read what is new in the log."""
        with self._lock:
            while records := self._logbook.records(COMMONS, TYPE, gt=self._version, limit=PAGE):
                for record in records:
                    body: Body | None = None if record.op == "delete" or record.text is None else record.body.get("body")
                    self._take(int(record.key), body)
                self._version, self._is_learned = records[-1].version, False

    def _followed(self) -> RLock:
        self.follow()
        return self._lock

    def _take(self, n: int, body: Body | None) -> None:
        if (old := self._tags.pop(n, None)) is not None:
            self._numbers.pop((folded(old.type), folded(old.name)), None)
            for text in (old.name, *old.aliases):
                self._named.get(folded(text), {}).pop(n, None)
        if body and body.get("name"):
            tag = Tag(n, str(body["name"]), str(body.get("type") or TOPIC), tuple(map(str, body.get("aliases") or ())))
            self._tags[n] = tag
            self._numbers[_key(body)] = n
            for text in (tag.name, *tag.aliases):
                self._named.setdefault(folded(text), {})[n] = None
        self._fresh[n] = None

    def _learn(self) -> None:
        """Make the dictionaries that a change asks for: an automaton of all names takes a tenth of a second, one of some new names nothing."""
        if self._is_learned:
            return
        if len(self._fresh) > FRESH:
            self._large, self._fresh = Dictionary(name for tag in self._tags.values() for name in tag.names()), {}
        self._small = Dictionary(name for n in self._fresh if n in self._tags for name in self._tags[n].names())
        self._is_learned = True


def is_telling(name: str) -> bool:
    """Whether a page's keyword can become a tag: a name with a capital or a digit, several words, or a word of some letters."""
    plain = folded(name)
    return " " in plain or len(plain) >= LEAST_LETTERS or name.strip() != plain or any(letter.isdigit() for letter in plain)


def folded(text: str) -> str:
    """A name as it is compared."""
    return " ".join(text.split()).casefold()


def _key(body: Body) -> tuple[str, str]:
    return folded(str(body.get("type") or TOPIC)), folded(str(body.get("name") or ""))


def checked(name: object, type: object, aliases: object = ()) -> Body:
    """A tag's body.  Raises Invalid, saying what is wrong."""
    if not isinstance(name, str) or not 0 < len(name := " ".join(name.split())) <= LONGEST_NAME:
        raise Invalid(f"a tag's name has 1 to {LONGEST_NAME} characters")
    if not isinstance(type, str) or not 0 < len(type := folded(type)) <= LONGEST_TYPE:
        raise Invalid(
            f"a tag's type has 1 to {LONGEST_TYPE} characters: person, organization, location, topic, party, or a word of your own"
        )
    listed = list(aliases) if isinstance(aliases, Iterable) and not isinstance(aliases, str) else None
    if listed is None or not all(isinstance(alias, str) and 0 < len(alias.strip()) <= LONGEST_NAME for alias in listed):
        raise Invalid(f"aliases are a list of names of 1 to {LONGEST_NAME} characters")
    if len(listed) > MOST_ALIASES:
        raise Invalid(f"a tag has at most {MOST_ALIASES} aliases")
    different = {folded(alias): " ".join(alias.split()) for alias in reversed(listed)}
    return {"name": name, "type": type, "aliases": [alias for known, alias in reversed(different.items()) if known != folded(name)]}
