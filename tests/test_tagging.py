"""Tags that everybody shares: one of each name and type, found in texts, renamed and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from locker.error import Conflict, Forbidden, Invalid, NotFound
from locker.locker import Locker
from locker.tagging import FRESH, MOST_NEW, Tags, folded


@pytest.fixture
def locker(tmp_path: Path) -> Iterator[Locker]:
    with Locker(tmp_path / "data", keys=tmp_path / "keys") as opened:
        yield opened


def add(locker: Locker, name: str, type: str = "topic", *aliases: str) -> int:
    return locker.tags.adding(name, type, aliases).result().n


def test_a_tag_is_one_by_name_and_type(locker: Locker) -> None:
    """Adding it again, in another letter case, gives the same one; another type is another tag."""
    first = add(locker, "Centern", "party")
    assert first == add(locker, " CENTERN ", "Party")
    assert first != add(locker, "Centern", "topic")
    assert ["Centern", "Centern"] == [tag.name for tag in locker.tags.called("centern")]


def test_adding_a_tag_again_adds_its_new_aliases(locker: Locker) -> None:
    """Aliases are a set; the name is none of them."""
    n = add(locker, "Centerpartiet", "party", "C", "centern")
    add(locker, "Centerpartiet", "party", "Centern", "Bondeförbundet", "centerpartiet")
    assert ("C", "centern", "Bondeförbundet") == locker.tags.get(n).aliases


def test_many_who_add_one_tag_at_once_make_one(locker: Locker) -> None:
    """The decision is made inside the write lock."""
    with ThreadPoolExecutor(8) as threads:
        assert 1 == len(set(threads.map(lambda n: add(locker, f"Tag{n % 2}".upper() if n % 4 else f"tag{n % 2}"), range(0, 64, 2))))


def test_another_process_sees_a_tag_at_once_and_makes_no_second_one(locker: Locker) -> None:
    """What one picture has not read yet, the write lock shows."""
    other = Tags(locker.logbook, locker.composer)
    n = add(locker, "Ny", "topic")
    assert n == other.adding("ny", "topic").result().n
    assert "Ny" == other.get(n).name


def test_texts_are_tagged_by_name_and_alias(locker: Locker) -> None:
    """A new tag is found from the next text on."""
    party = add(locker, "Centerpartiet", "party", "Centern")
    assert {party: 2} == locker.tags.find("Centerns ledare i Centerpartiet", "sv")
    place = add(locker, "Malmö", "location")
    assert {party: 1, place: 1} == locker.tags.find("Centern i Malmö", "sv")


def test_changing_a_tag_changes_what_finds_it(locker: Locker) -> None:
    """The old name finds it no more, and is free for another tag."""
    n = add(locker, "Old", "topic", "Older")
    locker.tags.changing(n, {"name": "New", "type": "person", "aliases": ["Newer"]}, "u1").result()
    assert {n: 2} == locker.tags.find("old older new newer", "en")
    other = add(locker, "Old", "topic")
    assert n != other
    assert {n: 1, other: 1} == locker.tags.find("new and old", "en")


def test_two_tags_cannot_get_one_name_and_type(locker: Locker) -> None:
    """Whoever renames into another tag is told so, and nothing changes."""
    first, second = add(locker, "One"), add(locker, "Two")
    with pytest.raises(Conflict, match=f"tag {first} is called 'one' already"):
        locker.tags.changing(second, {"name": "one"}, "u1").result()
    assert "Two" == locker.tags.get(second).name


@pytest.mark.parametrize(("name", "type", "aliases"), [("", "topic", ()), (" ", "topic", ()), ("x" * 201, "topic", ()), ("x", "", ()), ("x", "topic", "abc"), ("x", "topic", [""])])  # fmt: skip
def test_what_is_no_tag_is_refused(locker: Locker, name: str, type: str, aliases: object) -> None:
    """The sentence says what a tag is made of."""
    with pytest.raises(Invalid, match=r"^(a tag's|aliases)"):
        locker.tags.adding(name, type, aliases)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        locker.tags.changing(99, {"name": "x"}, "u1").result()
    with pytest.raises(Invalid, match="not 'colour'"):
        locker.tags.changing(99, {"colour": "red"}, "u1")


def test_a_pages_keywords_become_tags_once(locker: Locker) -> None:
    """A plain keyword is any tag of that name; one that says what it is, only a tag of that type; what is no name is left out."""
    party = add(locker, "Centern", "party")
    keywords = [{"name": "centern", "type": "topic"}, {"name": "Bro", "type": "topic"}, {"name": "bro"}, {"name": "x" * 300}]
    found = locker.tags.ensure(keywords)
    assert [party, locker.tags.called("bro")[0].n] == found
    (person,) = locker.tags.ensure([{"name": "Centern", "type": "person"}])
    assert person not in found


def test_a_page_brings_some_new_tags_and_no_little_words(locker: Locker) -> None:
    """Each new tag is looked for in every text: "the" is none unless an admin makes it, and no page floods the dictionary."""
    add(locker, "och")
    found = locker.tags.ensure([{"name": name} for name in ("the", "och", "EU", "a b", "5g", "bridge")])
    assert ["och", "EU", "a b", "5g", "bridge"] == [tag.name for tag in locker.tags.some(found)]
    assert MOST_NEW == len(locker.tags.ensure([{"name": f"keyword {n}"} for n in range(50)]))


def test_only_calls_of_their_own_write_closed_types(locker: Locker) -> None:
    """Nobody adds, edits or pushes what a person saved and rated: a rating is given once."""
    with pytest.raises(Forbidden, match="calls of their own"):
        locker.composer.add("u1", "saved", {"article": "1", "positive": ["2"]}, "u1")
    with pytest.raises(Forbidden, match="calls of their own"):
        locker.composer.edit("u1", "saved", "saved:1", {"positive": ["2"]}, "u1")
    pushed, _ = locker.pushing.drafts("mine", [{"type": "saved", "key": "1", "body": {"article": "1"}}])
    assert 1 == pushed.rejected


NAMES = st.sampled_from(["alfa", "Alfa", "beta", "gamma ray", "delta"])


class Tagging(RuleBasedStateMachine):
    """Tags are added, changed and looked for, by two pictures of one log and by a plain list."""

    def __init__(self) -> None:
        super().__init__()
        from tempfile import TemporaryDirectory

        self.folder = TemporaryDirectory()
        self.locker = Locker(Path(self.folder.name, "data"), keys=Path(self.folder.name, "keys"))
        self.other = Tags(self.locker.logbook, self.locker.composer)
        self.model: dict[int, tuple[str, str]] = {}

    @rule(name=NAMES, type=st.sampled_from(["topic", "party"]), mine=st.booleans())
    def add(self, name: str, type: str, mine: bool) -> None:
        """The same name and type give the same number."""
        n = (self.locker.tags if mine else self.other).adding(name, type).result().n
        known = [m for m, (other, kind) in self.model.items() if (folded(other), kind) == (folded(name), type)]
        assert known in ([], [n])
        self.model.setdefault(n, (name, type))

    @rule(name=NAMES, which=st.integers(0, 5), mine=st.booleans())
    def rename(self, name: str, which: int, mine: bool) -> None:
        """A name that is taken is refused."""
        if which < len(self.model):
            n = sorted(self.model)[which]
            taken = any((folded(other), kind) == (folded(name), self.model[n][1]) for m, (other, kind) in self.model.items() if m != n)
            changing = (self.locker.tags if mine else self.other).changing(n, {"name": name}, "u1")
            if taken:
                with pytest.raises(Conflict):
                    changing.result()
            else:
                changing.result()
                self.model[n] = (name, self.model[n][1])

    @invariant()
    def both_know_the_same(self) -> None:
        """Both pictures, and what they find in a text, are what the list says."""
        for tags in (self.locker.tags, self.other):
            assert self.model == {tag.n: (tag.name, tag.type) for tag in tags.all()}
            assert {n for n, (name, _) in self.model.items() if folded(name) in ("alfa", "gamma ray")} == set(tags.find("ALFA; gamma ray"))

    def teardown(self) -> None:
        self.locker.close()
        self.folder.cleanup()


TestTagging = Tagging.TestCase
TestTagging.settings = settings(max_examples=8, stateful_step_count=15, deadline=None)


def test_many_tags_are_found_after_the_dictionary_grew(locker: Locker) -> None:
    """When more are new than a small dictionary takes, the large one is made anew, and changes after that still count."""
    numbers = [future.result().n for future in [locker.tags.adding(f"tag{n}", "topic") for n in range(FRESH + 10)]]
    assert {numbers[0], numbers[-1]} == set(locker.tags.find("tag0 and tag309"))
    locker.tags.changing(numbers[0], {"name": "renamed"}, "u1").result()
    assert {numbers[0]: 1} == locker.tags.find("tag0 was renamed")
