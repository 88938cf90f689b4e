"""
What docs/query-language.md says is so: each of its examples is tried.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from locker.error import QueryError
from locker.plugin import mount
from locker.term import parse, show, times

mount("api")
query_string: Any = import_module("locker.api._query_string")

GUIDE = (Path(__file__).parents[1] / "docs" / "query-language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
BODY = json.loads(next(text for kind, text in BLOCKS if kind == "json"))


def examples(kind: str) -> list[str]:
    """The examples in all blocks of one kind, without their comments."""
    return [line.partition("  ; ")[0].strip() for block, text in BLOCKS if block == kind for line in text.splitlines()]


def test_the_guide_has_examples_of_each_kind() -> None:
    """A renamed block cannot silently drop its examples."""
    assert {"terms", "abnf", "json", "holds", "fails", "times", "plus", "error", "refused"} == {kind for kind, _ in BLOCKS}
    assert 60 < sum(len(examples(kind)) for kind in ("terms", "holds", "fails", "times", "plus", "refused"))


@pytest.mark.parametrize("text", examples("terms"))
def test_an_example_parses(text: str) -> None:
    """Each line of the overview is a query."""
    assert parse(text) == parse(show(parse(text)))


@pytest.mark.parametrize("text", examples("holds"))
def test_an_example_holds(text: str) -> None:
    """Each of these is true of the guide's contact."""
    assert parse(text).term.matches(BODY, {"bio": "text"})


@pytest.mark.parametrize("text", examples("fails"))
def test_an_example_does_not_hold(text: str) -> None:
    """None of these is."""
    assert not parse(text).term.matches(BODY, {"bio": "text"})


@pytest.mark.parametrize("text", examples("times"))
def test_an_example_is_a_time(text: str) -> None:
    """Each of these is a stretch of time."""
    start, end = times(text)
    assert start < end


@pytest.mark.parametrize("line", examples("plus"))
def test_an_example_of_the_plus_sign(line: str) -> None:
    """What is sent on the left arrives as what is on the right."""
    raw, _, arrived = line.partition("→")
    assert [("terms", arrived.strip())] == query_string.parse_query_string(raw.strip())


@pytest.mark.parametrize("example", [text for kind, text in BLOCKS if kind == "error"])
def test_an_example_of_a_refusal(example: str) -> None:
    """The message and the caret are the ones shown."""
    text, expected = example.split("\n", 1)
    with pytest.raises(QueryError) as refusal:
        parse(text)
    assert expected.rstrip("\n") == f"{refusal.value}\n{refusal.value.caret()}"


@pytest.mark.parametrize("text", examples("refused"))
def test_an_example_is_refused(text: str) -> None:
    """None of these is a query."""
    with pytest.raises(QueryError):
        parse(text)


def test_the_grammar_is_that_of_the_parser() -> None:
    """The first rules of the guide's grammar are those above the parser, blanks and comments apart."""
    import locker.term

    def rules(text: str) -> str:
        return re.sub(r"\s*(;.*)?$\s*", " ", text, flags=re.MULTILINE)

    (grammar,) = [text for kind, text in BLOCKS if kind == "abnf"]
    shown = re.search(r"    start  =.*?(?=\n\n)", locker.term.__doc__ or "", re.DOTALL)
    assert shown
    assert rules(shown[0]).strip() == rules(grammar.partition("path   =")[0]).strip()
