"""The Locker client against a real locker: queries, records and pushes over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from locker.client import LockerClient, Object, PushReport
from locker.error import BrokenSchema, Forbidden, Invalid, NotFound, QueryError
from locker.locker import Locker
from locker.record import Body
from tests.api_server import Server, fill, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A locker with the sample archives, served to whoever is at this machine."""
    with Locker(tmp_path_factory.mktemp("locker")) as opened:
        fill(opened)
        ann = {"name": "Ann", "age": 21, "address": [{"state": "CA"}], "bio": "writes node.js + c++"}
        opened.push("me", "people", [{"type": "contact/people", "key": "1", "body": ann}])
        opened.catch_up()
        with served(opened, signup="open") as running:
            yield running


@pytest.fixture
async def locker(server: Server) -> AsyncIterator[LockerClient]:
    """A client without a token: this machine is trusted."""
    async with LockerClient(server.url) as client:
        yield client


async def test_the_sample_calls(locker: LockerClient) -> None:
    """The three queries of the service types' document, through the client: blanks, quotes and plus signs arrive as they are."""
    people = await locker.get("contact", "[age:21+., address.state:'CA', bio:'node.js']", limit=30)
    terms = "[to:'rand.fitzpatrick@gmail.com', (from:'jason@singly.com' OR from:'jasoncavnar@gmail.com'), tag:'singly']"
    messages = await locker.get("message", terms, subtypes="[IMAP]")
    photos = await locker.get("photo", "[(tagged:'Jason Cavnar' OR tagged:'Jeremie Miller'), event:'Hashable Party']")
    assert ["Ann"] == [person.body["name"] for person in people]
    assert messages
    assert photos
    assert {("imap",)} == {message.subtypes for message in messages}


async def test_counting_and_leafing(locker: LockerClient) -> None:
    """A count, a page, the whole stream and the first few of it agree."""
    total = await locker.count("message")
    assert total > 3
    assert total == await locker.count("message", "[]") == len(await locker.get("message", "[]", limit=1000))
    everything = [found.id async for found in locker.each("message")]
    assert (total, total) == (len(everything), len(set(everything)))
    assert everything[:3] == [found.id async for found in locker.each("message", limit=3)]
    assert everything[2:4] == [found.id for found in await locker.get("message", "[]", limit=2, offset=2)]
    assert await locker.count("message", "from!=null") < total + 1


async def test_a_long_query_goes_as_a_body(locker: LockerClient) -> None:
    """Longer than servers read in one line: the same answer."""
    names = [f"name:'somebody {n}'" for n in range(300)]
    terms = f"[({' OR '.join(names)} OR name!=null)]"
    assert len(terms) > 5000
    assert await locker.count("contact", "name!=null") == len(await locker.get("contact", terms, limit=1000))


async def test_facets_and_fields(locker: LockerClient) -> None:
    """What there is, and how much of it."""
    facets = await locker.facets("contact", "[]", ["address.state"])
    assert "address.state" in facets
    assert "emails" in {each["field"] for each in await locker.fields("contact")}
    assert "contact" in {each["type"] for each in await locker.types()}
    assert {"imap", "mbox"} <= {each["name"] for each in await locker.types("message")}
    only = await locker.get("contact", "[]", limit=1, fields=["name"])
    assert {"name"} >= set(only[0].body)


async def test_writers_read_what_they_wrote(locker: LockerClient) -> None:
    """Every write is seen by the next read, since its position is sent along."""
    for n in range(5):
        made = await locker.add("contact", {"name": f"Read Your Writes {n}", "emails": [f"ryw{n}@example.com"]})
        assert [made.id] == [found.id for found in await locker.get("contact", f"[emails:'ryw{n}@example.com']")]
    assert locker.position is not None
    await locker.edit("contact", made.id, {"bio": "likes + and 'quotes'"})
    found = await locker.get("contact", f"[name:{made.body['name']!r}]")
    assert ["likes + and 'quotes'"] == [each.body.get("bio") for each in found]
    await locker.delete("contact", made.id)
    assert 0 == await locker.count("contact", "[emails:'ryw4@example.com']")


async def test_pushes_and_records(locker: LockerClient) -> None:
    """Items go in batches, errors keep their index, the log tells it all in order."""
    items: list[Body] = [{"type": "link/shelf", "key": str(n), "body": {"url": f"https://a.example/{n}"}} for n in range(25)]
    items[13] = {"type": "nonsense"}
    report = await locker.push("shelf", items, batch=10)
    assert (24, 1, [13]) == (report.added, report.rejected, [index for index, _ in report.errors])
    assert 24 == (await locker.push("shelf", items)).unchanged

    async def changes() -> AsyncIterator[Body]:
        yield {"type": "link/shelf", "key": "3", "body": {"url": "https://a.example/3", "title": "three"}}
        yield {"type": "link/shelf", "key": "4", "body": None}

    assert PushReport(edited=1, deleted=1) == await locker.push("shelf", changes())
    records = [record async for record in locker.records("shelf")]
    assert [f"shelf:{n}" for n in range(1, 27)] == [record.id for record in records]
    assert ["edit", "delete"] == [record.op for record in records[24:]]
    first, references = await locker.record("shelf", records[24].reference or "")
    assert ("add", [records[24].id]) == (first.op, [each.id for each in references])
    assert ["shelf:25", "shelf:26"] == [record.id async for record in locker.since("shelf", "shelf:24")]
    assert 26 == len([record async for record in locker.since("shelf", time="2000-01-01", type="link/shelf")])
    living = {record.key: record async for record in locker.current("shelf")}
    assert (23, "shelf:25", "three") == (len(living), living["3"].version, (living["3"].body or {})["title"])
    assert ["link/shelf"] == await locker.connector_types("shelf")
    assert "shelf" in {each["name"] for each in await locker.connectors()}


async def test_long_items_are_sent_a_few_at_a_time(locker: LockerClient) -> None:
    """Together they are longer than a server takes in one body."""
    items = ({"type": "document/attic", "key": str(n), "body": {"text": str(n) * (1 << 20)}} for n in range(20))
    assert 20 == (await locker.push("attic", items)).added


async def test_where_things_came_from(locker: LockerClient) -> None:
    """From an object down to its records and up again."""
    one = (await locker.get("message", "[]", subtypes="imap", limit=1))[0]
    down = await locker.via(one.id, down=True)
    assert set(one.via) == {record["id"] for record in down}
    assert one.id in {each["id"] for each in await locker.via(one.via[0])}


async def test_mistakes_are_told_with_their_place(locker: LockerClient) -> None:
    """What the server says of them arrives as the house's own errors."""
    with pytest.raises(QueryError) as query:
        await locker.get("contact", "[age:21+., AND]")
    assert query.value.position > 0
    with pytest.raises(QueryError):
        _ = [found async for found in locker.each("contact", "[age:]")]
    with pytest.raises(BrokenSchema) as schema:
        await locker.add("contact", {"emails": "not a list"})
    assert "/emails" == schema.value.pointer
    with pytest.raises(NotFound, match="contact"):
        await locker.get("spaceship", "[]")
    with pytest.raises(NotFound):
        await locker.record("shelf", "shelf:9999")
    with pytest.raises(Invalid, match="not a source's name"):
        _ = [record async for record in locker.records("Not A Source")]


async def test_an_account_reads_its_own_locker_only(server: Server) -> None:
    """With an e-mail address and a password the client logs in; another owner's locker is refused."""
    email, password = "reader@example.com", "a Long passw0rd"
    assert 201 == server.post("/api/v1/users/signup", json={"email": email, "password": password}).status_code
    async with LockerClient(server.url, email=email, password=password) as mine:
        assert 0 == await mine.count("message")
        made = await mine.add("link", {"url": "https://a.example/mine"})
        assert [Object] == [type(found) for found in await mine.get("link", id=made.id)]
    async with LockerClient(server.url, email=email, password=password, owner="me") as other:
        with pytest.raises(Forbidden):
            await other.count("message")
