"""
The term language: ``[age:21+., address.state:'CA']`` read into the tree that SQL and Python answer.

    start  = "[" [ query ] "]" / query
    query  = COUNT "(" [ conj ] ")" / conj                   ; COUNT only as the whole query
    conj   = disj *( "," disj )                              ; comma is AND and binds loosest
    disj   = unit / unit 1*( OR unit ) / unit 1*( AND unit ) ; never both without parentheses
    unit   = "(" conj ")" / NOT unit / term
    term   = path ":" lit / path ":" lit "!=" / path [ ":" ] "!=" lit
           / path ":" lit ( "+." / "-." / "+" / "-" )
           / path ":" bound ( "-" / "-." / ".-" / ".-." ) bound

Everybody who asks or answers imports from here; the grammar in full is in ``docs/query-language.md``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NoReturn

from .error import QueryError, TooLarge
from .lexer import Token, tokens
from .tree import All, Any_, Between, Compare, Kinds, Not, Operator, Query, Term, holds, kind_at, matches, show
from .words import Moment, Path, Scalar, Value, fold, items, leaves, moment, names, number, times, words

__all__ = [
    "All", "Any_", "Between", "Compare", "Kinds", "Moment", "Not", "Operator", "Path", "Query", "Scalar", "Term", "Value",
    "fold", "holds", "items", "kind_at", "leaves", "matches", "moment", "names", "number", "parse", "show", "times", "words",
]  # fmt: skip

MAX_LENGTH = 8192
"""Characters in a query text."""
LONGEST_CACHED = 1024
"""Longer texts are rare, and their trees would fill the memory."""
MAX_TERMS = 500
MAX_DEPTH = 50
"""Levels of parentheses and NOT inside each other; keeps every walk over a tree within Python's stack."""

_COMPARISONS: dict[str, Operator] = {"!=": "!=", "+": ">", "+.": ">=", "-": "<", "-.": "<="}
_RANGES = frozenset({"-", "-.", ".-", ".-."})
_BOUNDS = frozenset({"string", "number", "moment"})
_AFTER_A_KEY = frozenset({":", ".", "!="})
_CONSTANTS: dict[Value, Value] = {"true": True, "false": False, "null": None}


def parse(text: str) -> Query:
    """The query that the text says; the brackets may be left out, ``[]`` is everything.

    Raises QueryError, which knows the place of the mistake, and TooLarge (more than 8192 characters or 500 terms).
    """
    if len(text) > MAX_LENGTH:
        raise TooLarge(f"a query has at most {MAX_LENGTH} characters; this one has {len(text)}")
    return _parse_cached(text) if len(text) <= LONGEST_CACHED else _Parser(text).query()


@lru_cache(maxsize=1024)
def _parse_cached(text: str) -> Query:
    return _Parser(text).query()


class _Parser:
    """Recursive descent, one method per rule; it never goes back."""

    __slots__ = ("depth", "index", "terms", "text", "token", "tokens")

    def __init__(self, text: str) -> None:
        self.text, self.tokens = text, tokens(text)
        self.index, self.token = 0, self.tokens[0]
        self.depth = self.terms = 0

    def query(self) -> Query:
        bracket = self.accept("[")
        count = self.token.kind == "name" and self.token.value == "COUNT" and self.peek() == "("
        if count:
            self.advance()
            self.advance()
            term = All(()) if self.token.kind == ")" else self.conj()
            self.expect(")", "COUNT(")
            if self.token.kind not in ("]", "end"):
                self.fail("COUNT must be the whole query; write COUNT(a:1, b:2)")
        else:
            term = All(()) if bracket and self.token.kind == "]" else self.conj()
        if bracket:
            self.expect("]", "[")
        if self.token.kind != "end":
            self.fail_after_a_term("the end")
        return Query(term, count)

    def conj(self) -> Term:
        first = self.disj()
        if self.token.kind != ",":
            return first
        found = [first]
        while self.accept(","):
            found.append(self.disj())
        return All(tuple(found))

    def disj(self) -> Term:
        first = self.unit()
        word = self.keyword()
        if word not in ("OR", "AND"):
            return first
        found = [first]
        while (now := self.keyword()) in ("OR", "AND"):
            if now != word:
                self.fail("AND and OR side by side need parentheses; write (a:1 AND b:2) OR c:3, or a:1 AND (b:2 OR c:3)")
            self.advance()
            found.append(self.unit())
        return Any_(tuple(found)) if word == "OR" else All(tuple(found))

    def unit(self) -> Term:
        if self.token.kind == "(":
            self.enter()
            inner = self.conj()
            self.expect(")", "(")
            self.depth -= 1
            return inner
        if self.keyword() == "NOT":
            self.enter()
            inner = self.unit()
            self.depth -= 1
            return Not(inner)
        return self.term()

    def term(self) -> Term:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise TooLarge(f"a query has at most {MAX_TERMS} terms")
        path = self.path()
        if self.accept("!="):
            return Compare(path, "!=", self.literal())
        self.advance()  # the colon, path() made sure
        if self.accept("!="):
            return Compare(path, "!=", self.literal())
        kind, value = self.token.kind, self.literal()
        mark = self.token.kind
        if mark in _RANGES and self.peek() in _BOUNDS:
            return self.between(path, kind, value)
        if mark in _COMPARISONS:
            operator = self.advance()
            if operator.kind in _RANGES and self.token.kind == "name" and self.keyword() is None:
                self.fail("the ends of a range are numbers, moments or texts in quotes; write a:'x'-'y'")
            return Compare(path, _COMPARISONS[mark], value)
        if mark in _RANGES:
            self.fail(f"expected the other end of the range; write 8{mark}11", self.index + 1)
        return Compare(path, "=", value)

    def between(self, path: Path, kind: str, low: Value) -> Term:
        mark = self.advance().kind
        if self.token.kind != kind:
            self.fail("the ends of a range must be of one kind: two numbers, two moments or two texts in quotes")
        high = self.literal()
        return Between(path, low, high, low_closed=mark[0] == ".", high_closed=mark[-1] == ".")

    def path(self) -> Path:
        start = self.index
        parts = [self.segment()]
        while self.accept("."):
            parts.append(self.segment())
        if self.token.kind not in (":", "!="):
            self.fail_without_colon(start)
        return tuple(parts)

    def segment(self) -> str:
        token = self.token
        if token.kind not in ("name", "string") or self.keyword() is not None:
            self.fail_without_key()
        self.advance()
        return str(token.value)

    def literal(self) -> Value:
        token = self.token
        if token.kind == "name":
            self.advance()
            return _CONSTANTS.get(token.value, token.value)
        if token.kind not in _BOUNDS:
            advice = "; write (a:1 OR a:2) for several values" if token.kind in ("(", "[") else ""
            self.fail(f"expected a value, not {self.shown(token)}{advice}")
        self.advance()
        return token.value

    # Moving on.

    def advance(self) -> Token:
        token = self.token
        self.index += 1
        self.token = self.tokens[self.index]
        return token

    def accept(self, kind: str) -> bool:
        if self.token.kind != kind:
            return False
        self.advance()
        return True

    def expect(self, kind: str, opened: str) -> None:
        if not self.accept(kind):
            self.fail_after_a_term(f"the {kind!r} of {opened!r}")

    def peek(self) -> str:
        """The kind of the token after this one."""
        return self.tokens[self.index + 1].kind if self.token.kind != "end" else "end"

    def keyword(self) -> str | None:
        """OR, AND or NOT if this token is one; before ``:``, ``.`` or ``!=`` these are keys."""
        token = self.token
        if token.kind == "name" and token.value in ("OR", "AND", "NOT") and self.peek() not in _AFTER_A_KEY:
            return str(token.value)
        return None

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"parentheses and NOT go at most {MAX_DEPTH} levels deep")
        self.advance()

    # What to say when it goes wrong.

    def shown(self, token: Token) -> str:
        return "the end of the query" if token.kind == "end" else repr(self.text[token.start : token.end])

    def fail(self, message: str, index: int | None = None) -> NoReturn:
        raise QueryError(message, self.text, self.tokens[self.index if index is None else index].start)

    def fail_without_key(self) -> NoReturn:
        token = self.token
        before = self.tokens[self.index - 1].kind if self.index else ""
        if before == ".":
            self.fail(f"expected the rest of the key after '.', not {self.shown(token)}; a key that starts with a digit needs quotes")
        if token.kind in ("number", "moment"):
            self.fail(f"a value needs a key; write key:{self.shown(token)[1:-1]}, or quotes around a key that starts with a digit")
        advice = ""
        if before == ",":
            advice = "; a comma stands only between terms"
        elif token.kind == ")" and before == "(":
            advice = "; parentheses hold at least one term"
        elif token.kind == "end" and not before:
            advice = "; write [] for everything"
        self.fail(f"expected a term like age:21+., not {self.shown(token)}{advice}")

    def fail_without_colon(self, start: int) -> NoReturn:
        first, token = self.tokens[start], self.token
        if (first.kind, first.value, token.kind) == ("name", "COUNT", "("):
            self.fail("COUNT must be the whole query; write COUNT(a:1, b:2)", start)
        if self.index == start + 1 and first.kind == "name" and (word := str(first.value)).upper() == "NOT":
            self.fail("write NOT in capitals" if word != "NOT" else "expected a term after NOT", start)
        shown = self.text[first.start : self.tokens[self.index - 1].end]
        if token.kind in (",", ")", "]", "end") or self.keyword():
            self.fail(f"a value needs a key; write key:{shown}, or {shown}:'…' if {shown} is the key", start)
        self.fail(f"expected ':' or '!=' after the key {shown}, not {self.shown(token)}")

    def fail_after_a_term(self, expected: str) -> NoReturn:
        token = self.token
        if token.kind == "name" and str(token.value).upper() in ("OR", "AND"):
            self.fail(f"write {str(token.value).upper()} in capitals")
        if token.kind in ("name", "string", "("):
            self.fail(f"expected a comma, AND or OR between two terms, or {expected}, not {self.shown(token)}")
        if token.kind in ("+", "+.", "-", "-.", "!="):
            self.fail(f"an operator stands right after its value, and only one does; {self.shown(token)} is one too many")
        self.fail(f"expected a comma, AND, OR or {expected}, not {self.shown(token)}")
