"""The walker: any declared list is read whole, once, in any style, and goes on where it was left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.connector import (
    Answer,
    ApiKey,
    Body,
    Cursor,
    Fetching,
    Item,
    Link,
    MaxId,
    NextUrl,
    Offset,
    Once,
    Option,
    Page,
    PageNumber,
    Paging,
    Problem,
    Since,
    Stream,
    Walk,
)
from locker.error import Fatal, Retriable

from .listing import BASE, Asked, FakeSession, served

STYLES = st.integers(1, 7).flatmap(
    lambda size: st.sampled_from(
        [
            Once(),
            PageNumber(size=size),
            PageNumber(size=size, start=0, pages="pages"),
            PageNumber(size=size, more="more"),
            PageNumber(size=size, short=True),
            Offset(size=size),
            Offset(size=size, total="total"),
            Offset(size=size, short=True),
            Cursor(param="cursor", path="next", size=size),
            Link(size=size),
            NextUrl(path="next", size=size),
            MaxId(id="id", size=size),
            MaxId(id="id", size=size, decrement=False),
        ]
    )
)


class Links(Fetching):
    """A service of one list."""

    name = "links"
    types = ("link",)
    title = "Links"
    base_url = BASE
    auth = (ApiKey(param="key"),)
    asks = (Option(name="username", help="the name in your profile's address"),)

    def map(self, type: str, body: Body) -> Body | None:
        return body


LIST = Stream(name="list", type="link", path="/list", items="items")


def walk(session: FakeSession, stream: Stream, begin: Walk | None = None, most: int = 500) -> list[Page]:
    """The pages of a walk, at most so many."""

    async def collect() -> list[Page]:
        pages = []
        async for page in Links().fetch(session, stream, begin or Walk()):
            pages.append(page)
            json.dumps([page.step, page.since])
            if len(pages) == most:
                break
        return pages

    return asyncio.run(collect())


def keys(pages: list[Page]) -> list[str]:
    """The keys of all items, in order."""
    return [one.key for page in pages for one in page.items if isinstance(one, Item)]


def entries(n: int) -> list[dict[str, Any]]:
    """A list, newest first."""
    return [{"id": id, "changed": f"2026-01-01T00:00:{id % 60:02d}Z"} for id in range(n, 0, -1)]


@given(st.integers(0, 30), STYLES)
def test_every_item_exactly_once(n: int, style: Paging) -> None:
    """Any list in any style is read whole, without repeats, and the walk ends; its last page, and only that, has no step."""
    listed = entries(n)
    pages = walk(FakeSession(lambda asked: served(listed, style, asked)), replace(LIST, paging=style))
    assert [str(one["id"]) for one in listed] == keys(pages)
    assert [False] * (len(pages) - 1) + [True] == [page.step is None for page in pages]


@given(st.integers(0, 30), STYLES, st.data())
@settings(max_examples=60)
def test_going_on_from_any_page(n: int, style: Paging, data: st.DataObject) -> None:
    """A walk that is left after any page and taken up from its step reads the same, and learns the same."""
    listed = entries(n)
    stream = replace(LIST, paging=style, since=Since(param="since", path="changed", kind="iso"))
    whole = walk(FakeSession(lambda asked: served(listed, style, asked)), stream)
    taken = data.draw(st.integers(1, len(whole)))
    before = walk(FakeSession(lambda asked: served(listed, style, asked)), stream, most=taken)
    step = before[-1].step
    after = walk(FakeSession(lambda asked: served(listed, style, asked)), stream, Walk(step=step)) if step else []
    assert keys(whole) == keys(before + after)
    assert whole[-1].since == (before + after)[-1].since


@given(st.lists(st.integers(1, 6), max_size=20), st.integers(1, 4))
def test_times_that_are_the_same(times: list[int], size: int) -> None:
    """A list that is paged by a time which several entries share loses none of them, as long as not more share it than a page has."""
    listed = [{"id": f"k{n}", "at": at} for n, at in enumerate(sorted(times, reverse=True))]
    style = MaxId(id="at", size=size, ties=True)
    most = max((times.count(at) for at in times), default=0)
    found = keys(walk(FakeSession(lambda asked: served(listed, style, asked)), replace(LIST, paging=style)))
    assert set(found) <= {one["id"] for one in listed}
    assert most > size - 1 or {one["id"] for one in listed} == set(found)


def test_facts_and_options() -> None:
    """Facts of the account and options stand in paths, percent-encoded, and in parameters and headers as they are."""
    stream = replace(LIST, path="/users/{username}/{id}/{{x}}", params={"of": "{id}"}, headers={"X-Who": "{id}"})
    session = FakeSession(lambda _: (200, {}, {"items": []}), account={"id": "a b"}, options={"username": "x/../é"})
    walk(session, stream)
    assert "/api/users/x%2F..%2F%C3%A9/a%20b/{x}" == session.asked[0].path
    assert ({"of": "a b"}, {"X-Who": "a b"}) == (session.asked[0].params, session.asked[0].headers)


@pytest.mark.parametrize(
    ("path", "advice"),
    [("/{username}", "the name in your profile's address.*locker connect links --option username="), ("/{nobody}", "does not know nobody")],
)
def test_a_missing_fact(path: str, advice: str) -> None:
    """A fact that nobody gave is an error that says what to give."""
    with pytest.raises(Fatal, match=advice):
        walk(FakeSession(lambda _: (200, {}, {})), replace(LIST, path=path))


@pytest.mark.parametrize(
    ("entry", "key", "expected"),
    [
        ({"id": 17}, "id", "17"),
        ({"id": 17.0}, "id", "17"),
        ({"a": {"b": "x"}}, "a.b", "x"),
        ({"a": 1, "b": "x"}, "[a, b]", "1 x"),
        ({"a": 1}, "[a, b]", None),
        ({"id": True}, "id", None),
        ({"id": ""}, "id", None),
        ({"id": {}}, "id", None),
        ("text", "id", None),
        (None, "id", None),
    ],
)
def test_keys(entry: Any, key: str, expected: str | None) -> None:
    """Text and numbers are keys; an entry without one is a problem that tells its place, and the others stay."""
    page = walk(FakeSession(lambda _: (200, {}, {"items": [entry, {"id": "z", "a": "z", "b": "z"}]})), replace(LIST, key=key))[0]
    if expected is None:
        assert [Problem("list", "/api/list entry 1", "")] == [replace(one, reason="") for one in page.items if isinstance(one, Problem)]
    assert len(page.items) == 2
    assert expected in [*keys([page]), None]


@pytest.mark.parametrize(("body", "items"), [({"data": 1}, "data"), ({}, "data"), ("x", "length(@)")])
def test_no_list(body: Any, items: str) -> None:
    """An answer without its list is a problem, so that nobody takes it for an empty list."""
    page = walk(FakeSession(lambda _: (200, {}, body)), replace(LIST, items=items))[0]
    assert [True] == [isinstance(one, Problem) for one in page.items]


def test_an_empty_list_that_is_left_out() -> None:
    """A service that leaves out empty lists is declared so, and 204 says the same."""
    assert () == tuple(walk(FakeSession(lambda _: (200, {}, {})), replace(LIST, items="data || `[]`"))[0].items)
    assert () == tuple(walk(FakeSession(lambda _: (204, {}, b"")), LIST)[0].items)


def test_a_connector_that_breaks() -> None:
    """Where a connector's own code breaks over an entry, that is a problem, and the walk goes on."""

    class Breaking(Links):
        def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
            return Item("link", entry["no such"], entry) if entry["id"] == "1" else None

    async def first() -> Page:
        session = FakeSession(lambda _: (200, {}, {"items": [{"id": "1"}, {"id": "2"}]}))
        return await anext(aiter(Breaking().fetch(session, LIST, Walk())))

    assert [Problem("list", "/api/list entry 1", "KeyError: 'no such'")] == list(asyncio.run(first()).items)


def test_a_truncated_answer() -> None:
    """Half an answer is worth asking for again."""
    with pytest.raises(Retriable):
        walk(FakeSession(lambda _: (200, {}, b'{"items": [{"id"')), LIST)


@pytest.mark.parametrize(
    ("since", "values", "sent"),
    [
        (Since(param="since_id", path="v"), ["9", "10", "2"], "10"),
        (Since(param="since_id", path="v"), [9, 10, 2], "10"),
        (Since(param="since_id", path="v"), ["a", "c", "b"], "c"),
        (Since(param="from", path="v", kind="iso"), ["2026-01-01T02:00:00+02:00", "2026-01-01T00:30:00Z"], "2026-01-01T00:30:00Z"),
        (Since(param="from", path="v", kind="iso", overlap=60), ["2026-01-01T00:30:00.5Z"], "2026-01-01T00:29:00Z"),
        (Since(param="from", path="v", kind="epoch", overlap=60), [100, 170], "110"),
        (Since(param="from", path="v", kind="epoch", overlap=60), ["30"], "0"),
        (Since(param="from", path="v", kind="iso", overlap=60), ["lately"], "lately"),
    ],
)
def test_since(since: Since, values: list[Any], sent: str) -> None:
    """The next walk asks for what is newer than the greatest value seen on any page, less the overlap; a whole walk asks for all."""
    stream = replace(LIST, since=since, paging=PageNumber(size=1), params={"kind": "all"})
    listed = [{"id": n, "v": value} for n, value in enumerate(values)]

    def session() -> FakeSession:
        return FakeSession(lambda asked: served(listed, stream.paging, asked))

    learned = walk(session(), stream)[-1].since
    walk(again := session(), stream, Walk(since=learned, whole=False))
    assert {"kind": "all", "page": "1", "per_page": "1", since.param: sent} == again.asked[0].params
    assert [sent] * len(again.asked) == [one.params[since.param] for one in again.asked]
    walk(whole := session(), stream, Walk(since=learned, whole=True))
    assert since.param not in whole.asked[0].params


def test_since_never_goes_back() -> None:
    """A walk that finds nothing, or only older things, leaves what is known."""
    stream = replace(LIST, since=Since(param="since", path="id"))
    for listed in ([], [{"id": 3}]):
        page = walk(FakeSession(lambda _, listed=listed: (200, {}, {"items": listed})), stream, Walk(since={"value": 7}, whole=False))[-1]  # type: ignore[misc]
        assert {"value": 7} == page.since


def test_not_modified() -> None:
    """What the first answer said of its state goes along with the next walk's first request; 304 ends the walk, and nothing is forgotten."""

    def answer(asked: Asked) -> tuple[int, Mapping[str, str], Any]:
        return (
            (304, {}, b"") if "If-None-Match" in asked.headers else (200, {"etag": '"1"', "last-modified": "then"}, {"items": [{"id": 1}]})
        )

    first = walk(FakeSession(answer), LIST)[-1]
    assert {"etag": '"1"', "modified": "then"} == first.since
    session = FakeSession(answer)
    again = walk(session, LIST, Walk(since=first.since, whole=False))
    assert [Page((), None, first.since, unchanged=True)] == again
    assert {"If-None-Match": '"1"', "If-Modified-Since": "then"} == session.asked[0].headers
    assert not walk(FakeSession(answer), LIST, Walk(since=first.since, whole=True))[-1].unchanged


def test_what_could_not_be_read_is_asked_for_again() -> None:
    """An answer with a problem in it is not taken for known: the next walk asks for it whole."""
    page = walk(FakeSession(lambda _: (200, {"etag": '"1"'}, {"items": [{"id": 1}, {}]})), LIST)[-1]
    assert page.since is None


def test_a_cursor_of_an_earlier_version() -> None:
    """What another version of the connector kept is no reason to fail: the walk begins anew."""
    assert ["2", "1"] == keys(
        walk(FakeSession(lambda asked: served(entries(2), Once(), asked)), LIST, Walk(step="p7", since="x", whole=False))
    )


def test_next_urls_hold_no_credentials() -> None:
    """A next page's address is kept without the key, the token or a password in it, and made whole."""
    listed = [{"id": 2}, {"id": 1}]
    following = f"{BASE.replace('//', '//me:pw@')}/list?key=K&page=2&access_token=T&t=SECR%45T&api_key=K&q=a%20b&next_token=n#f"

    def answer(asked: Asked) -> tuple[int, Mapping[str, str], Any]:
        more = "page" not in asked.params
        return 200, {}, {"items": listed[:1] if more else listed[1:], "next": following if more else None}

    session = FakeSession(answer, secrets={"token": "SECRET"})
    pages = walk(session, replace(LIST, paging=NextUrl(path="next")))
    assert ["2", "1"] == keys(pages)
    assert {"ask": {"url": f"{BASE}/list?page=2&q=a%20b&next_token=n"}, "since": None} == pages[0].step


def test_relative_next_urls() -> None:
    """A next page may be named relative to the one that was asked."""

    def answer(asked: Asked) -> tuple[int, Mapping[str, str], Any]:
        return 200, {} if "page" in asked.params else {"link": "<?page=2>; rel=next"}, {"items": [{"id": len(asked.params)}]}

    session = FakeSession(answer)
    walk(session, replace(LIST, paging=Link(size_param="")))
    assert ["/api/list", "/api/list"] == [asked.path for asked in session.asked]


@pytest.mark.parametrize(
    ("style", "answer"),
    [
        (Cursor(param="c", path="next"), {"items": [{"id": 1}], "next": "same"}),
        (NextUrl(path="next"), {"items": [{"id": 1}], "next": "?again"}),
        (PageNumber(size=1), {"items": [{"id": 1}]}),
        (Offset(size=1), {"items": [{"id": 1}]}),
        (MaxId(id="id", size=1), {"items": [{"id": 7}]}),
        (PageNumber(more="more"), {"items": [], "more": True}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_circles_end(style: Paging, answer: Any) -> None:
    """A service that leads in circles, or gives the first page forever, ends the walk with an error."""
    with pytest.raises(Fatal, match="links: list: "):
        walk(FakeSession(lambda _: (200, {}, answer)), replace(LIST, paging=style))


def test_a_page_given_twice_is_no_circle() -> None:
    """One page that a service repeats under a new cursor does no harm."""
    pages = iter([{"items": [{"id": 1}], "next": "a"}, {"items": [{"id": 1}], "next": "b"}, {"items": [{"id": 2}]}])
    assert ["1", "1", "2"] == keys(
        walk(FakeSession(lambda _: (200, {}, next(pages))), replace(LIST, paging=Cursor(param="c", path="next")))
    )


def test_the_usual_address_of_the_service_is_where_the_connection_has_it() -> None:
    """A mirror, or a proxy, passes on answers that name the service's own host: the next page is asked of the mirror all the same."""
    session = FakeSession(lambda _: (200, {}, {"items": entries(1), "next": f"{BASE}/list?at=1" if len(session.asked) == 1 else None}))
    session.base_url = "http://mirror.example/x"
    stream = replace(LIST, paging=NextUrl(path="next"))
    assert "http://mirror.example/x/list?at=1" == walk(session, stream)[0].step["ask"]["url"]
    assert ["/x/list", "/x/list"] == [asked.path for asked in session.asked]


def test_a_document_of_its_own() -> None:
    """A connector may read an answer that is no JSON, and find a list that no path finds; paging looks into the same document."""

    class Lines(Links):
        def document(self, answer: Answer) -> Any:
            ids, _, following = answer.text().partition("|")
            return {"ids": ids.split(), "next": following}

        def entries(self, stream: Stream, document: Any) -> Any:
            return [{"id": id} for id in document["ids"]]

    async def collect() -> list[Page]:
        session = FakeSession(lambda asked: (200, {}, b"3" if asked.params.get("cursor") else b"1 2|more"))
        return [page async for page in Lines().fetch(session, replace(LIST, paging=Cursor(param="cursor", path="next")), Walk())]

    assert ["1", "2", "3"] == keys(asyncio.run(collect()))
