"""
Searches in SQL answer what the terms mean, page by page, and take nothing of a query's text for SQL.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from locker.error import Invalid, NotFound, StorageError
from locker.query import Answer, Reader, Search, TooSlow
from locker.readmodel import ReadModel
from locker.record import Body, Record
from locker.search import compile_search
from locker.term import All, Between, Compare, Operator, Query, Term, matches, parse, times
from tests.strategies import THING, TIME, bodies, record, terms

SCHEMAS = {"thing": THING}
OPERATORS: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=")


@contextmanager
def reader_of(*records: Record, schemas: Any = SCHEMAS) -> Iterator[Reader]:
    """A reader of a read model that holds these records."""
    with TemporaryDirectory() as folder, ReadModel(Path(folder, "views"), schemas) as model:
        model.apply(records, len(records))
        reader = Reader(Path(folder, "views"), schemas)
        yield reader
        reader.close()


def things(*found: Body) -> list[Record]:
    """Records of things 1, 2, 3, …, each a second younger than the one before."""
    return [record(n, n, body, time=f"2026-11-22T08:00:{n:02d}.000000Z", via=(f"twitter:{n}",)) for n, body in enumerate(found, 1)]


def ids(answer: Answer) -> list[int]:
    """The n of the objects of an answer."""
    return [int(json.loads(found)["id"].partition(":")[2]) for found in answer.objects]


def ask(text: str, **more: Any) -> Search:
    """A search for what a query text says."""
    return Search("thing", "me", parse(text), **more)


@given(st.lists(bodies(THING), min_size=1, max_size=4), st.lists(terms(THING), min_size=1, max_size=6))
@settings(max_examples=120)
def test_sql_and_matches_agree(found: list[Body], asked: list[Term]) -> None:
    """SQL finds exactly the bodies that satisfy the term, whatever is asked, indexed or not, and counts as many."""
    with reader_of(*things(*found)) as reader:
        for term in asked:
            expected = [n for n, body in enumerate(found, 1) if matches(term, body, THING.kinds)]

            assert expected == sorted(ids(reader.search(Search("thing", "me", Query(term, count=False))))), term
            assert len(expected) == reader.search(Search("thing", "me", Query(term, count=True))).total


@given(st.lists(bodies(THING), min_size=1, max_size=4), st.lists(terms(THING), min_size=1, max_size=4))
@example([{"bio": "node js", "tag": "x"}, {"tag": "x"}], [All((Compare(("bio",), "=", "node"), Compare(("tag",), "=", "x")))])
@example(
    [{"tag": "x", "age": 1}, {}], [Compare((name,), op, None) for name in ("tag", "age", "at", "read", "bio", "tags") for op in OPERATORS]
)
@settings(max_examples=40)
def test_every_way_to_an_answer_gives_the_same(found: list[Body], asked: list[Term]) -> None:
    """Whichever condition a search starts from, and whether rows are few or many, the rows are the same."""
    with reader_of(*things(*found)) as reader, reader._pool.lend() as connection:
        for term in asked:
            compiled = compile_search(Search("thing", "me", Query(term, count=False)), reader._projections["thing"])
            params = compiled.params | {"owner": 1, "first": 1 << 40, "last": (2 << 40) - 1, "limit": 99, "offset": 0}
            ways = [
                [row[0] & 0xFF for row in connection.execute(compiled.page(driver, few=few), params)]
                for driver in [None, *compiled.sources]
                for few in (True, False)
            ]

            expected = [n for n, body in enumerate(found, 1) if matches(term, body, THING.kinds)]
            assert all(expected[::-1] == way for way in ways), term


SAMPLES: dict[str, list[Body]] = {
    "age:21+., a.state:'CA', bio:'node.js'": [
        {"age": 21, "a": [{"state": "NY"}, {"state": "ca"}], "bio": "likes Node, JS"},
        {"age": 20, "a": [{"state": "CA"}], "bio": "node.js"},
        {"age": 30, "a": [{"state": "CA"}], "bio": "js node"},
    ],
    "at:2011-05-18": [{"at": "2011-05-18T23:00:00Z"}, {"at": "2011-05-19"}, {"at": "2011-05-19T00:00:00Z"}, {"at": "soon"}],
    "at:2011-05-18T10:00+.": [{"at": "2011-05-18"}, {"at": "2011-05-17"}],
    "at:2011-05-18T10:00": [
        {"at": "2011-05-18T12:00+02:00"},
        {"at": "2011-05-18T09:59"},
        {"at": "2011-05-18T10:00:01"},
        {"at": "2011-05-17"},
    ],
    "at:2011-05-18T10:00-": [{"at": "2011-05-17"}, {"at": "2011-05-18"}, {"at": "2011-05-18T10:00"}],
    "at:2011-05-18T10:00-.": [{"at": "2011-05-18"}, {"at": "2011-05-18T10:00:01"}, {"at": "2011-05-19"}],
    "at:2011-05-18+": [{"at": "2011-05-19T00:00"}, {"at": "2011-05-18T23:59:59"}],
    "tag:2011-05-18": [{"tag": "2011-05-18T10:00:00Z"}, {"tag": "today"}],
    "at:'soon'": [{"at": "SOON"}, {"at": "2011-05-18"}],
    "sizes:2.-.4": [{"sizes": [1, 3]}, {"sizes": [1, 5]}, {"sizes": []}],
    "tags:null": [{"tags": []}, {"tags": ["x"]}],
    "notes:'one two'": [{"notes": ["zero one two"]}, {"notes": ["one", "two"]}],
    "read:true, tag!=x": [{"read": True}, {"read": False}, {"read": True, "tag": "X"}],
}


@pytest.mark.parametrize("text", SAMPLES)
def test_the_first_of_each_sample_is_found(text: str) -> None:
    """Dates within days, phrases within one value, ranges within one number: only the first body satisfies the query."""
    with reader_of(*things(*SAMPLES[text])) as reader:
        assert [1] == ids(reader.search(ask(text)))


@pytest.mark.parametrize(
    "part", ["'", '"', "$", "[", "]", "%", "\x00", "\\", "--", ";", ")", "'; DROP TABLE thing; --", "$.a[0]", "\ud800", "*", "é" * 50]
)
def test_paths_and_values_are_never_sql(part: str) -> None:
    """Whatever stands in a path or a value is compared, not run; and it is found where a body has it."""
    has_it = part if part != "\ud800" else "x"
    body = {has_it: {has_it: has_it}, "tag": has_it, "tags": [has_it], "bio": f"x {has_it}"}
    with reader_of(*things(body, {})) as reader:
        for path in ((part,), (part, part), ("tag",), ("tags",), ("bio",), ("at",), ("a", part)):
            for term in (Compare(path, "=", part), Compare(path, "<", part), Between(path, part, part, True, True)):
                expected = [1] if matches(term, body, THING.kinds) else []
                assert expected == ids(reader.search(Search("thing", "me", Query(term, count=False)))), (path, term)
        quoted = Search("thing", "me", Query(All(()), count=False), q=part, sort=((part, True),), facets=(part,), fields=(part,), id=None)
        if part != "\ud800":
            reader.search(quoted)
            reader.search(Search("thing", "me", id=part, subtypes=(part,)))
            assert [] == reader.search(Search("thing", part, quoted.query)).objects
        assert [2, 1] == ids(reader.search(ask("[]")))


def test_an_object_with_two_fitting_values_is_found_once() -> None:
    """Two values inside a range, or two alternatives that hold, are still one object."""
    with reader_of(*things({"sizes": [1, 2, 3], "tags": ["a", "b"]})) as reader:
        for text in ("sizes:1+.", "sizes:0-9", "tags:a OR tags:b", "tags:'a'.-.'c'", "sizes:1+., tags:a"):
            answer = reader.search(ask(text, count=True, facets=("tags",)))
            assert ([1], 1, {"tags": {"a": 1, "b": 1}}) == (ids(answer), answer.total, answer.facets), text


def test_a_reader_cannot_write() -> None:
    """Its connections refuse every change."""
    with reader_of() as reader, pytest.raises(StorageError, match=r"readonly|read-only"), reader._pool.lend() as connection:
        connection.execute("DELETE FROM thing")


def test_an_object_is_shown_as_it_is() -> None:
    """The JSON of an object has its id, type, subtypes, time, via and the body whole, with integers of any length."""
    body = {"tag": 'A "quoted" one', "n": 2**70, "deep": [[{"é": None}]]}
    with reader_of(record(1, 5, body, subtypes=("imap", "twitter"), via=("imap:3", "twitter:9"))) as reader:
        shown = json.loads(reader.search(ask("[]")).objects[0])

        expected = {
            "id": "thing:5",
            "type": "thing",
            "subtypes": ["imap", "twitter"],
            "time": TIME,
            "via": ["imap:3", "twitter:9"],
            "body": body,
        }
        assert expected == shown == json.loads(reader.get("me", "thing:5"))


def test_only_the_named_fields_are_shown() -> None:
    """fields= goes through lists and leaves out what is not there."""
    body = {"tag": "x", "age": 3, "a": [{"state": "CA", "bio": "b"}, {"bio": "c"}, 5]}
    with reader_of(record(1, 1, body)) as reader:
        shown = json.loads(reader.search(ask("[]", fields=("a.state", "age", "nothing"))).objects[0])

        assert {"a": [{"state": "CA"}, {}], "age": 3} == shown["body"]


def test_owners_never_meet() -> None:
    """The same n belongs to different things in different lockers."""
    with reader_of(record(1, 1, {"bio": "mine x"}), record(2, 1, {"bio": "yours x"}, owner="u1")) as reader:
        for owner, word in (("me", "mine"), ("u1", "yours"), ("u2", None)):
            for search in (Search("thing", owner, parse("bio:x")), Search("thing", owner, q="x"), Search("thing", owner, parse("nope!=1"))):
                found = [json.loads(text)["body"]["bio"].split()[0] for text in reader.search(search).objects]
                assert ([word] if word else []) == found


def test_the_type_may_be_plural_and_must_be_known() -> None:
    """An unknown type is not found, and the answer names the known ones."""
    with reader_of(*things({})) as reader:
        assert [1] == ids(reader.search(Search("Things", "me", parse("[]"))))
        with pytest.raises(NotFound, match="there are thing"):
            reader.search(Search("unicorn", "me"))


@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional={"tag": st.sampled_from("abc"), "age": st.integers(1, 3), "odd": st.sampled_from(["x", 5, 2.5])}
        ),
        max_size=12,
    ),
    st.lists(st.tuples(st.sampled_from(["tag", "age", "odd", "time", "id"]), st.booleans()), max_size=3).map(tuple),
    st.integers(1, 4),
)
@settings(max_examples=50)
def test_pages_by_cursor_offset_and_stream_hold_everything_once(found: list[Body], sort: Any, limit: int) -> None:
    """Following next, counting up offset or streaming give the same objects in the same order, those without the field last."""
    with reader_of(*things(*found)) as reader:
        whole = ids(reader.search(ask("[]", sort=sort, limit=1000)))
        by_cursor: list[int] = []
        answer = reader.search(ask("[]", sort=sort, limit=limit))
        by_cursor += ids(answer)
        while answer.next:
            answer = reader.search(ask("[]", sort=sort, limit=limit, after=answer.next, count=True))
            assert len(found) == answer.total
            by_cursor += ids(answer)
        by_offset = [
            n for start in range(0, len(found), limit) for n in ids(reader.search(ask("[]", sort=sort, limit=limit, offset=start)))
        ]

        assert whole == by_cursor == by_offset == [int(json.loads(text)["id"][6:]) for text in reader.stream(ask("[]", sort=sort))]
        assert sorted(whole) == list(range(1, len(found) + 1))
        if sort and sort[0][0] in ("tag", "age"):
            name, descending = sort[0]
            values = [found[n - 1][name] for n in whole if name in found[n - 1]]
            assert sorted(values, reverse=descending) == values == [found[n - 1].get(name) for n in whole[: len(values)]]


def test_newest_first_unless_told_otherwise() -> None:
    """The default order is by time, and by n where times are equal."""
    same = [record(n, n, {}) for n in (1, 2, 3)]
    with reader_of(*same, record(4, 4, {}, time="2030-01-01T00:00:00.000000Z")) as reader:
        assert [4, 3, 2, 1] == ids(reader.search(ask("[]")))


@pytest.mark.parametrize("sort", [(), (("name", False),)])
@pytest.mark.parametrize("written", ["[" * 5000, f"[{10**30},5]", '["\\ud800",5]', f'["a",{2**63}]', '["a",-1]', '["a",true]'])
def test_a_cursor_that_somebody_wrote_is_refused(written: str, sort: Any) -> None:
    """Depth, numbers and letters that SQL does not take are the sender's mistake too."""
    cursor = urlsafe_b64encode(written.encode()).decode()
    with reader_of(*things({})) as reader, pytest.raises(Invalid, match="cursor"):
        reader.search(ask("[]", after=cursor, sort=sort))


def test_pages_of_a_stream_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long stream asks seldom, but for no more text at once than a few megabytes."""
    monkeypatch.setattr("locker.query.STREAM_PAGE", 2)
    asked: list[int] = []
    with reader_of(*things(*({"bio": "x" * 1000} for _ in range(20)))) as reader:
        search = reader.search

        def asking(page: Search) -> Answer:
            asked.append(page.limit)
            return search(page)

        monkeypatch.setattr(reader, "search", asking)
        monkeypatch.setattr("locker.query.STREAM_CHARACTERS", 5 * 1200)
        assert 20 == len(list(reader.stream(ask("[]"))))
    assert (2, {5}) == (asked[0], set(asked[1:]))


def test_a_ranked_search_far_beyond_its_end() -> None:
    """An offset and a cursor that are beyond 64 bits together find nothing."""
    with reader_of(*things({"bio": "hello"})) as reader:
        after = urlsafe_b64encode(b"[9223372036854775807]").decode()
        assert [] == reader.search(ask("[]", q="hello", offset=10**18, after=after)).objects


@pytest.mark.parametrize("cursor", ["x", "W10", "WzFd", "eyJhIjoxfQ", "WzEsIngiXQ", "é", "W1tdLDFd"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """A cursor that we did not give, or that belongs to another order, is the sender's mistake."""
    with reader_of(*things({})) as reader, pytest.raises(Invalid, match="cursor"):
        reader.search(ask("[]", after=cursor))


def test_time_and_subtypes_filter() -> None:
    """time is from, until; subtypes are in any letter case, and one of them is enough."""
    found = [
        record(n, n, {}, time=f"2011-05-{n:02d}T00:00:00.000000Z", subtypes=(name,))
        for n, name in enumerate(["imap", "twitter", "vcard"], 1)
    ]
    with reader_of(*found) as reader:
        assert [2] == ids(reader.search(Search("thing", "me", time=times("[2011-05-02]"))))
        assert [3, 1] == ids(reader.search(Search("thing", "me", subtypes=("IMAP", "Vcard"))))
        assert [1] == ids(reader.search(Search("thing", "me", subtypes=("imap", "twitter"), time=times("[2011-05-01]"))))


def test_full_text_is_ranked_and_paged() -> None:
    """q wants all words anywhere in the text fields; the best match comes first, page after page."""
    found = things({"bio": "node and much else that is not about it"}, {"bio": "Node.js", "notes": ["node node"]}, {"bio": "else"})
    with reader_of(*found) as reader:
        first = reader.search(Search("thing", "me", q="NODE", limit=1, count=True))
        second = reader.search(Search("thing", "me", q="NODE", limit=1, after=first.next))

        assert ([2], 2) == (ids(first), first.total)
        assert ([1], None) == (ids(second), second.next)
        assert [1] == ids(reader.search(Search("thing", "me", parse("bio:else"), q="node")))
        assert [] == reader.search(Search("thing", "me", q="...")).objects
        assert [2, 1] == ids(reader.search(Search("thing", "me", q="node", sort=(("time", True),))))


def test_facets_count_values_in_one_of_their_spellings() -> None:
    """Each value is counted once per object, the most frequent first, over all that match and not only this page."""
    found = things(
        {"tag": "A", "a": [{"state": "CA"}, {"state": "ca"}], "x": True, "age": 5},
        {"tag": "a", "a": [{"state": "ca"}, {"state": "NY"}], "x": [1, "1"], "age": 5},
        {"tag": "b", "a": [{"state": "TX"}]},
    )
    with reader_of(*found) as reader:
        facets = reader.search(ask("tag!=b", limit=1, facets=("a.state", "tag", "x", "age"))).facets

        assert {"a.state": {"CA": 2, "NY": 1}, "tag": {"A": 2}, "x": {"1": 1, "true": 1}, "age": {"5": 2}} == facets
        assert {"tag": {"a": 1}} == reader.search(Search("thing", "me", id="thing:2", facets=("tag",))).facets


def test_a_merged_object_answers_for_its_survivor_until_it_returns() -> None:
    """Old ids lead to the survivor, through chains, and to themselves again once they are back."""
    history = [*things({"tag": "1"}, {"tag": "2"}, {"tag": "3"}), record(4, 3, {}, op="delete", note={"merged_into": "thing:2"})]
    history.append(record(5, 2, {}, op="delete", note={"merged_into": "thing:1"}))
    with reader_of(*history) as reader:
        assert ["thing:1"] * 3 == [json.loads(reader.get("me", f"thing:{n}"))["id"] for n in (1, 2, 3)]
        assert [1] == ids(reader.search(Search("thing", "me", id="thing:3")))
    with reader_of(*history, record(6, 3, {"tag": "back"}, op="edit")) as reader:
        assert ["thing:1", "thing:3"] == [json.loads(reader.get("me", f"thing:{n}"))["id"] for n in (2, 3)]
    with reader_of(*history, record(6, 1, {}, op="delete")) as reader, pytest.raises(NotFound, match="thing:3"):
        reader.get("me", "thing:3")


def test_via_goes_up_and_down_through_other_objects() -> None:
    """A record leads to the objects it is in, directly or not; an object leads to all its records."""
    made = [
        record(1, 1, {}, via=("twitter:1", "twitter:2")),
        record(2, 2, {}, via=("thing:1", "imap:9")),
        record(3, 3, {}, via=("imap:9",)),
    ]
    with reader_of(*made) as reader:
        assert ["thing:1", "thing:2"] == sorted(json.loads(text)["id"] for text in reader.via_up("me", "twitter:2"))
        assert ["thing:2"] == [json.loads(text)["id"] for text in reader.via_up("me", "thing:1")]
        assert {"twitter:1", "twitter:2", "imap:9"} == set(reader.via_down("me", "thing:2"))
        assert [] == reader.via_up("me", "imap:99")
        assert [2, 1] == sorted(ids(reader.search(Search("thing", "me", id="twitter:1"))), reverse=True)
        assert "thing:1" == json.loads(reader.get("me", "twitter:1"))["id"]
        with pytest.raises(NotFound):
            reader.via_down("me", "thing:9")


def test_listing_and_fields_count_what_there_is() -> None:
    """Subtypes of a type, types of a subtype, everything at once; and which fields objects have, indexed ones first."""
    made = [
        record(1, 1, {"tag": "x", "zzz": 1, "a": [{"state": "CA"}]}, subtypes=("imap", "twitter")),
        record(2, 2, {"tag": "y", "bio": None}),
    ]
    with reader_of(*made) as reader:
        subtypes = [{"name": "imap", "count": 1}, {"name": "twitter", "count": 2}]
        assert subtypes == reader.listing("me", type="Things")
        assert [{"name": "thing", "count": 1}] == reader.listing("me", subtype="IMAP")
        assert [{"type": "thing", "count": 2, "subtypes": subtypes}] == reader.listing("me")
        assert [] == reader.listing("nobody")
        counts = {(found["field"], found["kind"]): found["count"] for found in reader.fields("me", "thing")}
        assert {("tag", "keyword"): 2, ("a.state", "keyword"): 1, ("a", "json"): 1, ("zzz", "json"): 1} == counts
        assert 1 == next(found["count"] for found in reader.fields("me", "thing", "imap") if found["field"] == "tag")


def test_odd_keys_do_not_disturb_the_counts() -> None:
    """An empty key, or one that is spelled like a path, is no second object and no second value."""
    with reader_of(*things({"": 1, "a.state": "x", "a": [{"state": "CA"}]})) as reader:
        assert (1, [{"name": "twitter", "count": 1}]) == (reader.search(ask("[]", count=True)).total, reader.listing("me", type="thing"))
        assert {"a.state": 1, "a": 1} == {found["field"]: found["count"] for found in reader.fields("me", "thing")}


def test_a_query_over_its_budget_stops() -> None:
    """An expensive query is stopped, a cheap one is not, and the connection stays usable."""
    now = iter(range(10**9))
    with reader_of(*things(*({"odd": n} for n in range(59)))) as reader:
        reader._pool._clock = lambda: next(now)
        expensive = ask(", ".join(f"odd:{-n}-.99" for n in range(1, 60)))
        with pytest.raises(TooSlow):
            reader.search(expensive, budget_ms=0.001)

        assert 59 == reader.search(ask("[]", count=True)).total
        assert 20 == len(reader.search(expensive).objects)


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    """A reader makes no file, and says which one is missing."""
    with pytest.raises(StorageError, match="nowhere"):
        Reader(tmp_path / "nowhere", SCHEMAS)
    assert [] == list(tmp_path.iterdir())


def test_readers_see_whole_batches_while_the_writer_works(tmp_path: Path) -> None:
    """A reader that was open before sees what is committed, and its position."""
    with ReadModel(tmp_path / "views", SCHEMAS) as model:
        reader = Reader(tmp_path / "views", SCHEMAS)
        for n in (1, 2, 3):
            model.apply([record(n, n, {})], n)
            assert (n, n) == (reader.position, reader.search(ask("[]", count=True)).total)
        reader.close()


def test_one_reader_serves_several_threads() -> None:
    """Threads that ask at once each get their own answer."""
    with reader_of(*things(*({"age": n} for n in range(1, 41)))) as reader, ThreadPoolExecutor(4) as threads:
        asked = [n % 40 + 1 for n in range(200)]

        assert [[n] for n in asked] == list(threads.map(lambda n: ids(reader.search(ask(f"age:{n}"), budget_ms=60_000)), asked))


def test_the_planner_starts_from_the_smallest_source() -> None:
    """A rare value among many objects is looked up, not searched for; a frequent one is read in order until the page is full."""
    bodies_ = [{"tag": "often", "tags": ["rare"] if n == 7 else []} for n in range(1, 51)]
    with reader_of(*things(*bodies_)) as reader, reader._pool.lend() as connection:
        for text, driver in (("tags:rare, tag:often", 0), ("tag:often", None)):
            search = ask(text, limit=5)
            compiled = compile_search(search, reader._projections["thing"])
            params = compiled.params | {"owner": 1, "first": 1 << 40, "last": (2 << 40) - 1}
            assert driver == reader._route(connection, compiled, search, params).driver


def test_the_planner_weighs_again_when_objects_come() -> None:
    """A search's sources are weighed once, and again when a tenth more or fewer objects are there; the answers are the same."""
    with reader_of(*things(*({"tag": "often"} for _ in range(20)))) as reader:
        search = ask("tag:often", limit=5)
        first = reader.search(search)
        weighed = reader._routes[search]
        assert first == reader.search(search)
        assert weighed is reader._routes[search]
        reader._routes[search] = (17, weighed[1])
        assert first == reader.search(search)
        assert 20 == reader._routes[search][0]
