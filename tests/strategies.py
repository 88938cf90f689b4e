"""
Bodies that keep a schema, terms that ask about them, and records of collections' logs that carry them.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from locker.record import Body, Op, Record, canonical
from locker.schema import Schema, make
from locker.term import All, Any_, Between, Compare, Not, Path, Term
from tests.term_strategies import MOMENTS, moments, numbers, scalars, texts, values
from tests.term_strategies import bodies as wild_bodies
from tests.term_strategies import paths as wild_paths

TIME = "2026-11-22T08:00:00.000000Z"


def _field(type: str, kind: str) -> Body:
    return {"description": "…", "type": type, "x-index": kind}


THING: Schema = make(
    "thing",
    {
        "type": "object",
        "x-time": "at",
        "properties": {
            "tag": _field("string", "keyword"),
            "bio": _field("string", "text"),
            "age": _field("number", "number"),
            "at": _field("string", "time"),
            "read": _field("boolean", "boolean"),
            "tags": {"type": "array", "items": _field("string", "keyword") | {"x-total": "all"}},
            "sizes": {"type": "array", "items": _field("number", "number")},
            "notes": {"type": "array", "items": _field("string", "text")},
            "days": {"type": "array", "items": _field("string", "time")},
            "a": {
                "type": "array",
                "items": {"type": "object", "properties": {"state": _field("string", "keyword"), "bio": _field("string", "text")}},
            },
            "one": {"type": "object", "properties": {"b": _field("string", "keyword"), "age": _field("number", "number")}},
        },
    },
)
"""A schema with every kind of field: alone, in a list, in an object and in a list of objects."""


def _of(document: Body) -> st.SearchStrategy[Any]:
    match document["type"]:
        case "object":
            return st.fixed_dictionaries({}, optional={name: _of(inner) for name, inner in document["properties"].items()})
        case "array":
            return st.lists(_of(document["items"]), max_size=3)
        case "number":
            return numbers | st.sampled_from([2**63, -(2**63) - 1, 2**64 + 1, 2**70])
        case "boolean":
            return st.booleans()
    return st.sampled_from(MOMENTS) | texts if document["x-index"] == "time" else texts


def bodies(schema: Schema) -> st.SearchStrategy[Body]:
    """Bodies that keep the schema, with some fields that it does not know."""
    known = schema.document["properties"]
    others = wild_bodies.map(lambda body: {name: value for name, value in body.items() if name not in known})
    return st.builds(lambda body, other: other | body, _of(schema.document), others)


def _leaf(paths: st.SearchStrategy[Path], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Term]:
    compares = st.builds(Compare, path=paths, op=st.sampled_from(["=", "<", "<=", ">", ">=", "!="]), value=values)
    return compares | st.builds(Between, path=paths, low=values, high=values, low_closed=st.booleans(), high_closed=st.booleans())


def terms(schema: Schema) -> st.SearchStrategy[Term]:
    """Trees with all operators, on fields that are indexed and on others."""
    kinds: dict[str, st.SearchStrategy[Any]] = {"number": numbers, "time": moments, "boolean": st.booleans()}
    known = [(st.just(field.path), kinds.get(field.kind, texts)) for field in schema.fields]
    fitting = st.one_of([_leaf(path, value) for path, value in known])
    any_value = _leaf(st.sampled_from([field.path for field in schema.fields]), values)
    leaves = fitting | any_value | _leaf(wild_paths, values)

    def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, max_size=4).map(tuple)
        return st.builds(Not, inner) | st.builds(All, several) | st.builds(Any_, several)

    return st.recursive(leaves, groups, max_leaves=8)


def record(
    position: int,
    n: int,
    body: Body | None,
    *,
    type: str = "thing",
    op: Op = "add",
    owner: str = "me",
    time: str = TIME,
    subtypes: tuple[str, ...] = ("twitter",),
    via: tuple[str, ...] = (),
    note: Body | None = None,
) -> Record:
    """A record of a collection's log, about the object *n*."""
    text = canonical({"body": body or {}, "subtypes": subtypes, "time": time, "via": via})
    first = f"{type}:{n}"
    id = first if op == "add" else f"{type}:{position + 1000}"
    return Record(position, owner, id, TIME, type, f"{type}/locker", op, str(n), "", text, None if op == "add" else first, None, note)


@st.composite
def histories(draw: st.DrawFn, schema: Schema = THING) -> list[Record]:
    """A collection's log as a composer may write it: objects come, change, merge, go and return, of two owners."""
    made: list[Record] = []
    alive: dict[tuple[str, int], bool] = {}
    for position in range(1, draw(st.integers(1, 12)) + 1):
        owner, n = draw(st.sampled_from(["me", "u1"])), draw(st.integers(1, 4))
        body = draw(bodies(schema))
        subtypes = tuple(draw(st.lists(st.sampled_from(["imap", "twitter", "vcard"]), min_size=1, max_size=2, unique=True)))
        via = tuple(draw(st.lists(st.sampled_from(["vcard:1", "vcard:2", "imap:7"]), max_size=2, unique=True)))
        if alive.get((owner, n)) and draw(st.booleans()):
            other = draw(st.sampled_from([None, *{1, 2, 3, 4} - {n}]))
            note = {"merged_into": f"thing:{other}"} if other else None
            made.append(record(position, n, body, op="delete", owner=owner, note=note))
            alive[owner, n] = False
        else:
            op: Op = "edit" if (owner, n) in alive else "add"
            time = schema.time_of(body) or TIME
            made.append(record(position, n, body, op=op, owner=owner, time=time, subtypes=subtypes, via=via))
            alive[owner, n] = True
    return made


__all__ = ["THING", "TIME", "bodies", "histories", "record", "scalars", "terms"]
