"""Finding known names in texts: whole words, whatever their case, accents and inflections, in one pass."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.dictionary import Dictionary, Name, is_abbreviation, without_accents
from locker.words import words


def found(text: str, *names: Name, language: str | None = "sv") -> dict[str, int]:
    return Dictionary(names).find(text, language)


@pytest.mark.parametrize(
    ("name", "text", "times"),
    [
        ("Malmö", "I MALMÖ, och malmo.", 2),
        ("skola", "Skolor och skola", 2),
        ("Sveriges riksdag", "Sveriges\n riksdags beslut; Sveriges stolta riksdag", 1),
        ("riksdag", "riksdagshuset", 0),
        ("node.js", "We use node.js; node-js; nodejs", 2),
        ("São Paulo", "sao paulo", 1),
    ],
)
def test_it_finds_whole_words_in_any_case_accents_and_inflection(name: str, text: str, times: int) -> None:
    """A name is found as its words, adjacent and in order; parts of longer words are not it."""
    assert ({"t": times} if times else {}) == found(text, Name("t", name))


def test_a_proper_name_is_inflected_at_its_end_only() -> None:
    """Annas is Anna; Anne is not, although the stemmer gives both one stem."""
    assert {"t": 2} == found("Anna och Annas bok; Anne läser", Name("t", "Anna", proper=True))
    assert {"t": 3} == found("Anna och Annas bok; Anne läser", Name("t", "Anna"))


def test_names_that_overlap_are_all_found_in_the_order_of_first_mention() -> None:
    """A longer name does not hide a shorter one inside of it."""
    names = Name("whole", "Sveriges riksdag"), Name("part", "riksdag"), Name("other", "Malmö")
    assert [("other", 1), ("whole", 1), ("part", 2)] == list(found("Malmö. Sveriges riksdag är en riksdag", *names).items())


def test_one_or_two_capitals_are_found_only_as_they_are_written() -> None:
    """The party S is not the s of a genitive, and IT is not "it"."""
    assert {"s": 1, "it": 1} == found("S-ledaren sade it's IT", Name("s", "S"), Name("it", "IT"), language="en")
    assert is_abbreviation(" KD ")
    assert not is_abbreviation("KTH")


def test_two_things_may_have_one_name_and_one_thing_several() -> None:
    """Aliases count together; a shared name counts for each."""
    names = Name("a", "Moderaterna", True), Name("a", "Moderata samlingspartiet", True), Name("b", "moderaterna", True)
    assert {"a": 2, "b": 1} == found("Moderaterna (Moderata samlingspartiet)", *names)


@pytest.mark.parametrize("language", [None, "", "xx", "zh-Hans"])
def test_a_language_that_is_not_known_has_no_inflections(language: str | None) -> None:
    """Equal words are found in every language."""
    assert {"t": 1} == found("skola skolor", Name("t", "skola"), language=language)


def test_names_and_texts_without_words_find_nothing() -> None:
    """Punctuation alone is no name, and an empty dictionary finds nothing."""
    assert {} == found("…", Name("t", "!?"))
    assert {} == found("a text")
    assert {} == found("", Name("t", "text"))


WORD = st.sampled_from(["anna", "Malmö", "malmo", "åke", "Åkes", "IT", "s", "S", "x1", "é", "e\u0301"])
SPACE = st.sampled_from([" ", ", ", "\n", "-", "…"])


@given(
    names=st.lists(st.lists(WORD, min_size=1, max_size=3).map(" ".join), max_size=6), pieces=st.lists(st.tuples(WORD, SPACE), max_size=30)
)
def test_it_finds_what_looking_for_each_name_alone_finds(names: list[str], pieces: list[tuple[str, str]]) -> None:
    """The automaton is as good as comparing every name with every place of the text."""
    text = "".join(word + space for word, space in pieces)
    plain = without_accents(words(text))
    for id, count in ((str(n), _times(name, plain)) for n, name in enumerate(names) if not is_abbreviation(name)):
        dictionary = Dictionary([Name(str(n), name) for n, name in enumerate(names)])
        assert count == dictionary.find(text).get(id, 0)


def _times(name: str, plain: list[str]) -> int:
    wanted = without_accents(words(name))
    return sum(plain[start : start + len(wanted)] == wanted for start in range(len(plain)))


def test_ten_thousand_names_in_a_long_text_take_milliseconds(record_property: pytest.FixtureRequest) -> None:
    """Ten thousand names over 50 kB of text; the time is reported and never fails a test, what is found is checked."""
    random_ = random.Random(1)
    vocabulary = ["".join(random_.choice("abcdeghiklmnoprstuvåäö") for _ in range(random_.randint(3, 10))) for _ in range(20_000)]
    dictionary = Dictionary(Name(str(n), f"{vocabulary[n]} {vocabulary[n + 1]}") for n in range(10_000))
    text = " ".join(vocabulary[min(int(random_.paretovariate(0.6)), 19_999)] for _ in range(7_000))
    text = f"{text} {vocabulary[5000].upper()} {vocabulary[5001]}"
    dictionary.find(text, "sv")  # makes the automaton
    before = time.perf_counter()
    mentions = dictionary.find(text, "sv")
    record_property("milliseconds", (time.perf_counter() - before) * 1000)  # type: ignore[operator]
    assert 1 <= mentions["5000"]
