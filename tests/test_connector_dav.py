"""
Address books and calendars fetched from a real Radicale: everything once, then what changed, whatever the server can do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from locker.connector import Answer
from locker.error import Fatal, Retriable, Skippable, Unauthorized

from .connectors import connector, read, settled
from .fetches import LoopbackSession, Shelf, fetching
from .fetching import opened
from .radicale_server import PASSWORD, USER, Radicale, running
from .shared import DATA, needs_shared

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{n}\r\nFN:{name}\r\nN:;{name};;;\r\nEMAIL:{name}@example.org\r\nEND:VCARD\r\n"
EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Somebody//EN\r\n"
    "BEGIN:VEVENT\r\nUID:{n}\r\nDTSTAMP:20110518T100000Z\r\nDTSTART:20110518T100000Z\r\nRRULE:FREQ=DAILY\r\nSUMMARY:{name}\r\nEND:VEVENT\r\n"
    "{more}END:VCALENDAR\r\n"
)
MOVED = (
    "BEGIN:VEVENT\r\nUID:{n}\r\nRECURRENCE-ID:20110519T100000Z\r\nDTSTAMP:20110518T100000Z\r\nDTSTART:20110519T120000Z\r\n"
    "SUMMARY:{name} later\r\nEND:VEVENT\r\n"
)


def card(name: str, uid: str = "") -> str:
    """A small card; a server does not let another *uid* take its place."""
    return CARD.format(n=uid or f"uid-{name}", name=name)


def event(name: str, *, moved: bool = False) -> str:
    """A series, with an occurrence that was moved."""
    return EVENT.format(n=f"uid-{name}", name=name, more=MOVED.format(n=f"uid-{name}", name=name) if moved else "")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Radicale]:
    """An empty server."""
    with running(tmp_path) as running_server:
        yield running_server


class Refusing(LoopbackSession):
    """A session to a server that does not know some questions (whose method and body have one of *refused*) and spoils texts (*spoilt* to what)."""

    refused: tuple[str, ...] = ()
    spoilt: tuple[bytes, bytes] = (b"", b"")
    too_long: str = "nothing"

    async def request(self, method: str, url: str, **kwargs: Any) -> Answer:
        body = kwargs.get("body") or b""
        if any(word in f"{method} {body.decode()}" for word in self.refused):
            self.asked.append((method, url))
            if 403 not in kwargs.get("accept", ()):
                raise Skippable("403")
            return Answer(403, {}, b"", url)
        if self.too_long in f"{url} {body.decode()}":
            raise Fatal("it answers more than is taken")
        answer = await super().request(method, url, **kwargs)
        return replace(answer, body=answer.body.replace(*self.spoilt, 1))


def shelf(name: str, server: Radicale, path: str = "", refused: tuple[str, ...] = ()) -> Shelf:
    """A shelf of somebody connected to the server; the server knows no *refused* questions."""
    session = Refusing(base_url=server.url + path, secrets={"username": USER, "password": PASSWORD})
    session.refused = refused
    return Shelf(fetching(name), session)


def changes(deltas: list[tuple[str, str, str]]) -> list[str]:
    """``add jane/friends/ann.vcf`` and so on, sorted."""
    return sorted(f"{op} {key.lstrip('/')}" for op, _, key in deltas)


@pytest.mark.parametrize("refused", [(), ("sync-collection",), ("sync-collection", "multiget")], ids=["token", "etag", "plain"])
async def test_cards_are_followed(server: Radicale, refused: tuple[str, ...]) -> None:
    """All address books are fetched once; then what was added, edited and deleted, and nothing else."""
    server.make("friends", "card:addressbook", "Friends")
    server.make("work", "card:addressbook", "Work")
    server.make("cal", "cal:calendar", "No contacts")
    for name in ("ann", "böb", "cid"):
        server.put(f"friends/{name}.vcf", card(name))
    server.put("work/dee.vcf", card("dee"))

    kept = shelf("carddav", server, refused=refused)
    assert ["add jane/friends/ann.vcf", "add jane/friends/böb.vcf", "add jane/friends/cid.vcf", "add jane/work/dee.vcf"] == changes(
        await kept.run()
    )
    assert {"ann", "böb", "cid", "dee"} == {made["name"] for made in kept.mapped("contact").values()}
    assert [] == await kept.run()
    assert [] == await kept.run(whole=True)

    server.put("friends/ann.vcf", card("anna", "uid-ann"))
    server.delete("friends/cid.vcf")
    server.put("work/eve.vcf", card("eve"))
    assert ["add jane/work/eve.vcf", "delete jane/friends/cid.vcf", "edit jane/friends/ann.vcf"] == changes(await kept.run())
    server.delete("work")
    assert ["delete jane/work/dee.vcf", "delete jane/work/eve.vcf"] == changes(await kept.run())
    assert [] == await kept.run()
    assert [] == kept.problems


async def test_nothing_new_costs_one_request(server: Radicale) -> None:
    """The tokens of all collections come with one question."""
    for n in range(3):
        server.make(f"book{n}", "card:addressbook", f"Book {n}")
        server.put(f"book{n}/ann.vcf", card("ann"))
    kept = shelf("carddav", server)
    await kept.run()
    kept.session.asked.clear()
    await kept.run()
    assert ["PROPFIND"] == [method for method, _ in kept.session.asked]


@pytest.mark.parametrize("refused", [(), ("sync-collection",)], ids=["token", "etag"])
async def test_moved_occurrences_come_and_go(server: Radicale, refused: tuple[str, ...]) -> None:
    """A series is one item and each moved occurrence another; when it is moved back, that one is gone."""
    server.make("plans", "cal:calendar", "Plans")
    server.put("plans/run.ics", event("run", moved=True))
    kept = shelf("caldav", server, refused=refused)
    await kept.run()
    key = "/jane/plans/run.ics"
    assert {key: "run", f"{key} 2011-05-19T10:00:00Z": "run later"} == {key: body["summary"] for key, body in kept.of("event").items()}
    assert {"Plans"} == {made["calendar"] for made in kept.mapped("event").values()}
    server.put("plans/run.ics", event("run"))
    assert [("delete", "event", f"{key} 2011-05-19T10:00:00Z")] == await kept.run()
    server.put("plans/run.ics", event("run", moved=True))
    await kept.run()
    server.delete("plans/run.ics")
    assert ["delete jane/plans/run.ics", "delete jane/plans/run.ics 2011-05-19T10:00:00Z"] == changes(await kept.run())


@pytest.mark.parametrize("status", [403, 409, 410])
async def test_a_token_that_the_server_forgot(server: Radicale, status: int) -> None:
    """Then everything is listed, what went away meanwhile is gone, and nothing that is known is fetched again."""
    server.make("friends", "card:addressbook", "Friends")
    for name in ("ann", "bob", "cid"):
        server.put(f"friends/{name}.vcf", card(name))
    kept = shelf("carddav", server)
    await kept.run()
    server.delete("friends/bob.vcf")
    kept.since["books"]["/jane/friends/"]["token"] = "http://radicale.org/ns/sync/forgotten"
    kept.session.asked.clear()
    assert ["delete jane/friends/bob.vcf"] == changes(await kept.run())
    assert ["PROPFIND", "REPORT", "REPORT"] == [method for method, _ in kept.session.asked]


async def test_a_run_that_is_killed_goes_on(server: Radicale, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after each page, also with changes in between, the end is what one run would have brought, and no card is fetched twice."""
    fetching("carddav")
    monkeypatch.setattr(import_module("locker.connectors._dav_walk"), "AT_ONCE", 2)
    server.make("friends", "card:addressbook", "Friends")
    for n in range(7):
        server.put(f"friends/{n}.vcf", card(f"p{n}"))
    kept = shelf("carddav", server)
    await kept.run(pages=1)
    server.delete("friends/0.vcf")
    server.put("friends/1.vcf", card("changed", "uid-p1"))
    runs = 0
    while kept.step is not None:
        await kept.run(pages=1)
        runs += 1
        assert runs < 20, "it does not come to an end"
    await kept.run()
    fresh = shelf("carddav", server)
    await fresh.run()
    assert fresh.bodies == kept.bodies
    assert [] == await kept.run()


@pytest.mark.parametrize("path", ["", "/jane/friends", "/jane"])
async def test_collections_are_found_from_many_base_urls(server: Radicale, path: str) -> None:
    """From the server, from the person's own folder, and from one address book (then it is the only one)."""
    server.make("friends", "card:addressbook", "Friends")
    server.put("friends/ann.vcf", card("ann"))
    kept = shelf("carddav", server, path)
    assert ["add jane/friends/ann.vcf"] == changes(await kept.run())


async def test_who_is_let_in(server: Radicale) -> None:
    """A wrong password is Unauthorized; a server without address books says what to give it instead."""
    kept = shelf("carddav", server)
    kept.session.secrets = {"username": USER, "password": "wrong"}
    with pytest.raises(Unauthorized):
        await kept.run()
    lost = shelf("carddav", server, "/nowhere", refused=("PROPFIND",))
    with pytest.raises(Fatal, match="base URL"):
        await lost.run()


async def test_a_card_that_cannot_be_read_spoils_no_other(server: Radicale) -> None:
    """It is a problem with its path, and what was known of it stays."""
    server.make("friends", "card:addressbook", "Friends")
    server.put("friends/ann.vcf", card("ann"))
    server.put("friends/bob.vcf", card("bob"))
    kept = shelf("carddav", server)
    await kept.run()
    server.put("friends/ann.vcf", card("anna", "uid-ann"))
    server.put("friends/bob.vcf", card("bobby", "uid-bob"))
    assert isinstance(kept.session, Refusing)
    kept.session.spoilt = b"END:VCARD", b""
    edited = {key for op, _, key in await kept.run() if op == "edit"}
    [problem] = kept.problems
    assert {"/jane/friends/ann.vcf", "/jane/friends/bob.vcf"} == {*edited, problem.file}
    assert 1 == len(edited)
    assert {"/jane/friends/ann.vcf", "/jane/friends/bob.vcf"} == set(kept.of("contact"))


async def test_what_is_too_much_at_once_is_asked_for_in_halves(server: Radicale) -> None:
    """One card that is longer than any answer that is taken is a problem of its own."""
    server.make("friends", "card:addressbook", "Friends")
    for name in ("ann", "bob", "cid", "dee", "eve"):
        server.put(f"friends/{name}.vcf", card(name))
    kept = shelf("carddav", server)
    assert isinstance(kept.session, Refusing)
    kept.session.too_long = "cid.vcf"
    await kept.run()
    assert {"ann", "bob", "dee", "eve"} == {made["name"] for made in kept.mapped("contact").values()}
    assert ["/jane/friends/cid.vcf"] == [problem.file for problem in kept.problems]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('<d:multistatus xmlns:d="DAV:"><d:resp', Retriable),
        ("", Retriable),
        ("<!DOCTYPE html><html><body>Sign in</body></html>", Fatal),
        (
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><d:multistatus xmlns:d="DAV:"><d:sync-token>&b;</d:sync-token></d:multistatus>',
            Fatal,
        ),
        ("<html/>", Fatal),
    ],
)
def test_answers_that_are_no_multistatus(text: str, error: type[Exception]) -> None:
    """What is cut is asked for again; a page to sign in, and whatever declares entities, is refused."""
    fetching("carddav")
    with pytest.raises(error):
        import_module("locker.connectors._dav").parse(Answer(207, {}, text.encode(), "https://dav.example.org/"))


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(("name", "kind", "folder", "pattern", "reader", "type"), [
    ("carddav", "card:addressbook", "vcard-misc", "*.vcf", "vcard", "contact"),
    ("caldav", "cal:calendar", "ical-radicale", "*.ics", "icalendar", "event"),
])  # fmt: skip
async def test_shared_files_map_as_their_readers_do(
    server: Radicale, name: str, kind: str, folder: str, pattern: str, reader: str, type: str
) -> None:
    """Each file that Radicale takes has the same canonical fields, fetched or read."""
    server.make("all", kind, "")
    expected: dict[str, list[Any]] = {}
    files = connector(reader)
    for path in sorted((DATA / folder).glob(pattern)):
        items = read(files, path)[0]
        try:
            server.put(f"all/{path.name}", path.read_bytes().decode())
        except Exception:
            continue
        expected[path.name] = [files.map(type, settled(item.body)) for item in items]
    kept = shelf(name, server)
    await kept.run()
    found: dict[str, list[Any]] = {}
    for key, made in kept.mapped(type).items():
        found.setdefault(key.removeprefix("/jane/all/").partition(" ")[0].partition("#")[0], []).append(made)
    assert len(expected) > 4
    for file, bodies in expected.items():
        assert _titles(bodies) == _titles(found.get(file, [])), file
    assert [] == await kept.run()


def _titles(bodies: list[Any]) -> list[Any]:
    """What a person would see of them."""
    return sorted(str([body.get(field) for field in ("name", "title", "emails", "start", "end")]) for body in bodies)


async def test_a_locker_keeps_in_step_with_a_server(server: Radicale, tmp_path: Path) -> None:
    """Synced twice, nothing is new, and the second time costs one request; a card that was deleted is a plain delete."""
    server.make("friends", "card:addressbook", "Friends")
    for name in ("ann", "bob"):
        server.put(f"friends/{name}.vcf", card(name))
    with opened(tmp_path / "locker", fetching("carddav")) as locker:
        locker.connections.add("me", "carddav", base_url=server.url, secrets={"username": USER, "password": PASSWORD}, trusted=True)
        first, second = [await locker.syncing.run("me", "carddav") for _ in range(2)]
        assert (2, 0, 1, "normal") == (first.records, second.records, second.requests, second.mode)
        server.delete("friends/bob.vcf")
        third = await locker.syncing.run("me", "carddav")
        last = locker.logbook.records("me", "carddav")[-1]
        assert (1, "delete", None) == (third.records, last.op, last.note)
