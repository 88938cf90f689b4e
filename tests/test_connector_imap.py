"""
Mail fetched over IMAP from a real Dovecot: everything once, then what changed; nothing on the server is touched.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from locker.error import Fatal, Retriable, Unauthorized
from locker.query import Search

from .connectors import connector, read, settled
from .dovecot import PASSWORD, Dovecot, needs_dovecot, running
from .fetches import LoopbackSession, Shelf, fetching
from .fetching import opened, until
from .free import free_ports

pytestmark = needs_dovecot

LETTER = """From: Jane <jane@example.org>
To: Ahmed <ahmed@example.org>
Subject: Letter {n}
Message-ID: <letter-{n}@example.org>
Date: Wed, 18 May 2011 10:00:{n:02d} +0000

Text of letter {n}.
"""


def letter(n: int) -> bytes:
    """A small message; the same *n* is the same message."""
    return LETTER.format(n=n).encode()


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Dovecot]:
    """One server for all tests of this file."""
    with running() as server:
        yield server


@pytest.fixture
def server(shared_server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    """The server with the empty mailbox of somebody new, its certificate trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(shared_server.authority))
    return replace(shared_server, user=uuid4().hex)


def shelf(server: Dovecot, *, url: str = "", **options: str) -> Shelf:
    """A shelf of somebody connected to the server."""
    session = LoopbackSession(url or f"imaps://localhost:{server.tls}", options, {"username": server.user, "password": PASSWORD})
    return Shelf(fetching("imap"), session)


def subjects(shelf: Shelf) -> dict[str, str]:
    """Subject by mailbox and UID."""
    return {f"{body['mailbox']} {body['uid']}": body["subject"] for body in shelf.of("message").values()}


async def test_all_mailboxes_are_fetched_once(server: Dovecot) -> None:
    """Every message is there with mailbox, flags and correspondents; a second run brings nothing."""
    server.put(letter(1), flags="\\Seen \\Flagged Work")
    server.put(letter(2))
    server.put(letter(3), "Lists/Entw&APw-rfe")

    kept = shelf(server)
    await kept.run()

    assert {"INBOX 1": "Letter 1", "INBOX 2": "Letter 2", "Lists/Entwürfe 1": "Letter 3"} == subjects(kept)
    first = next(body for body in kept.of("message").values() if body["subject"] == "Letter 1")
    assert ["Work", "flagged", "seen"] == first["flags"]
    assert first["raw"].replace("\r\n", "\n") == letter(1).decode()
    assert {"Jane <jane@example.org>", "Ahmed <ahmed@example.org>"} == set(kept.of("contact"))
    assert {("Lists/Entwürfe",)} == {tuple(made["tag"]) for made in kept.mapped("message").values() if made["subject"] == "Letter 3"}
    assert [] == await kept.run()
    assert [] == await kept.run(whole=True)
    assert [] == kept.problems


async def test_flags_edits_and_deletes_are_followed(server: Dovecot) -> None:
    """A flag that was set is an edit, an expunged message a delete, and nothing else is said."""
    for n in range(1, 6):
        server.put(letter(n))
    kept = shelf(server)
    await kept.run()

    with server.sign_in() as client:
        client.select("INBOX")
        client.store("2", "+FLAGS", "\\Answered")
        client.store("4", "+FLAGS", "\\Deleted")
        client.expunge()
        client.append("INBOX", "", "", letter(6))

    deltas = await kept.run()
    validity = next(body for body in kept.of("message"))[6:].partition(";")[0]
    assert [("add", "INBOX;6"), ("delete", "INBOX;4"), ("edit", "INBOX;2")] == sorted(
        (op, key.replace(f";{validity}", "")) for op, type, key in deltas if type == "message"
    )
    assert [] == await kept.run()


async def test_fetching_makes_nothing_seen(server: Dovecot) -> None:
    """The server's flags are afterwards what they were before."""
    server.put(letter(1))
    await shelf(server).run()
    with server.sign_in() as client:
        client.select("INBOX", readonly=True)
        _, data = client.fetch("1", "(FLAGS)")
        assert b"Seen" not in data[0]  # type: ignore[operator]


async def test_a_message_that_moves_is_added_before_it_goes(server: Dovecot) -> None:
    """So its object never loses its last record."""
    server.put(letter(1), "Work")
    kept = shelf(server)
    await kept.run()
    with server.sign_in() as client:
        client.select("Work")
        client.uid("MOVE", "1", "INBOX")
    assert ["add", "delete"] == [op for op, type, _ in await kept.run() if type == "message"]
    assert {"Letter 1"} == set(subjects(kept).values())


async def test_a_mailbox_that_is_deleted_or_made_anew(server: Dovecot) -> None:
    """Its messages go away; under another UIDVALIDITY they are other ones."""
    server.put(letter(1), "Old")
    server.put(letter(2), "Again")
    kept = shelf(server)
    await kept.run()
    with server.sign_in() as client:
        client.delete("Old")
        client.delete("Again")
    server.put(letter(3), "Again")
    deltas = [op for op, type, _ in await kept.run() if type == "message"]
    assert ["add", "delete", "delete"] == deltas
    assert {"Letter 3"} == set(subjects(kept).values())
    assert [] == await kept.run()


@pytest.mark.parametrize("whole", [False, True])
async def test_a_run_that_is_killed_goes_on(server: Dovecot, monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    """Cut after each page, also with changes in between, the end is what one run would have brought."""
    fetching("imap")
    monkeypatch.setattr(import_module("locker.connectors._imap_walk"), "CHUNK", 2)
    for n in range(1, 8):
        server.put(letter(n), "INBOX" if n % 2 else "Work")
    kept = shelf(server)
    if whole:
        await kept.run()
    await kept.run(pages=1, whole=whole)
    with server.sign_in() as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        client.store("1", "+FLAGS", "\\Flagged")
    runs = 0
    while kept.step is not None:
        await kept.run(pages=1, whole=whole)
        runs += 1
        assert runs < 50, "it does not come to an end"
    await kept.run()
    fresh = shelf(server)
    await fresh.run()
    assert runs > 2
    assert fresh.of("message") == kept.of("message")


async def test_a_server_without_extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where changes are not counted, flags and UIDs are compared: the same edits and deletes."""
    fetching("imap")
    module = import_module("locker.connectors._imap_server")
    with running("IMAP4rev1 IDLE") as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
        examine = module.Server.examine

        async def plain(self: Any, name: str) -> Any:
            seen = await examine(self, name)
            return type(seen)(seen.validity, seen.next, 0, seen.exists)

        monkeypatch.setattr(module.Server, "examine", plain)
        for n in range(1, 5):
            server.put(letter(n))
        kept = shelf(server)
        await kept.run()
        with server.sign_in() as client:
            client.select("INBOX")
            client.store("2", "+FLAGS", "\\Answered")
            client.store("3", "+FLAGS", "\\Deleted")
            client.expunge()
        assert ["delete", "edit"] == sorted(op for op, _, _ in await kept.run())
        assert [] == await kept.run()


async def test_a_file_and_the_server_compose_to_one(server: Dovecot, tmp_path: Path) -> None:
    """The same message imported and fetched has the same identity and the same canonical fields, but for what the mailbox adds."""
    server.put(letter(1))
    kept = shelf(server)
    await kept.run()
    (tmp_path / "one.mbox").write_bytes(b"From jane Wed May 18 10:00:00 2011\n" + letter(1))
    reader = connector("mbox")
    imported = [item for item in read(reader, tmp_path / "one.mbox")[0] if item.type == "message"]
    fetched = next(iter(kept.mapped("message").values()))
    assert [reader.map("message", settled(item.body)) for item in imported] == [
        {name: value for name, value in fetched.items() if name != "tag"}
    ]


async def test_mailboxes_are_taken_and_left(server: Dovecot) -> None:
    """Options say which mailboxes are fetched; those that are left out later keep what was fetched."""
    for name in ("Work/2011", "Work/2012", "Trash"):
        server.put(letter(1), name)
    kept = shelf(server, take="work/*, trash", leave="*/2012")
    await kept.run()
    assert {"Work/2011 1", "Trash 1"} == set(subjects(kept))
    kept.session.options = {**kept.session.options, "leave": "Trash"}
    assert [("add", "message")] == [(op, type) for op, type, _ in await kept.run()]


async def test_news_end_the_wait(server: Dovecot) -> None:
    """While somebody waits, a message that arrives ends the waiting at once; nothing ends it when the time is up; a cancel ends it too."""
    imap, session = fetching("imap"), shelf(server).session
    assert await imap.wait(session, 0.2) is False
    waiting = asyncio.create_task(imap.wait(session, 60))
    for n in range(600):
        if waiting.done():
            break
        await asyncio.to_thread(server.put, letter(n % 60))
        await asyncio.wait([waiting], timeout=0.1)
    assert await waiting is True
    cancelled = asyncio.create_task(imap.wait(session, 60))
    await asyncio.wait([cancelled], timeout=0.3)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_who_is_let_in(server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    """STARTTLS works too; a wrong password, a missing one, a certificate for another host and a dead port each say what they are."""
    server.put(letter(1))
    by_tls, by_starttls = shelf(server), shelf(server, url=f"imap://localhost:{server.plain}")
    in_plain = shelf(server, url=f"imap://localhost:{server.plain}", tls="off")
    for kept in (by_tls, by_starttls, in_plain):
        await kept.run()
    assert by_tls.bodies == by_starttls.bodies == in_plain.bodies

    wrong = shelf(server)
    wrong.session.secrets = {"username": server.user, "password": "wrong"}
    with pytest.raises(Unauthorized, match="refuses"):
        await wrong.run()
    wrong.session.secrets = {}
    with pytest.raises(Unauthorized, match="--username"):
        await wrong.run()
    with pytest.raises(Fatal, match="certificate"):
        await shelf(server, url=f"imaps://127.0.0.1:{server.tls}").run()
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Fatal, match="certificate"):
        await shelf(server).run()
    with pytest.raises(Retriable):
        await shelf(server, url=f"imaps://localhost:{free_ports(1)[0]}").run()
    with pytest.raises(Fatal, match="imaps://"):
        await shelf(server, url="https://localhost").run()


async def test_a_locker_keeps_in_step_with_a_server(server: Dovecot, tmp_path: Path) -> None:
    """Synced twice, nothing is new; a message that was imported before is one object with the fetched one; an expunged one is a plain delete."""
    for n in (1, 2):
        server.put(letter(n))
    (tmp_path / "one.mbox").write_bytes(b"From jane Wed May 18 10:00:00 2011\n" + letter(1))
    url, secrets = f"imaps://localhost:{server.tls}", {"username": server.user, "password": PASSWORD}
    with opened(tmp_path / "locker", fetching("imap")) as locker:
        locker.import_archive("mbox", tmp_path / "one.mbox")
        locker.connections.add("me", "imap", base_url=url, secrets=secrets, trusted=True)
        first, second = [await locker.syncing.run("me", "imap") for _ in range(2)]
        assert (4, 0, "normal") == (first.records, second.records, second.mode)
        with server.sign_in() as client:
            client.select("INBOX")
            client.store("2", "+FLAGS", "\\Deleted")
            client.expunge()
        third = await locker.syncing.run("me", "imap")
        assert 1 == third.records
        last = locker.logbook.records("me", "imap")[-1]
        assert ("delete", None) == (last.op, last.note)
        locker.catch_up()
        messages = locker.reader.search(Search("message", "me")).objects
        assert [[("Letter 1", 2)]] == [[(one["body"]["subject"], len(one["via"])) for one in map(json.loads, messages)]]


async def test_a_letter_that_arrives_is_fetched_at_once(server: Dovecot, tmp_path: Path) -> None:
    """While the locker serves, IDLE brings the next run on; nobody waits for the clock."""
    server.put(letter(1))
    with opened(tmp_path / "locker", fetching("imap")) as locker:
        secrets = {"username": server.user, "password": PASSWORD}
        locker.connections.add("me", "imap", base_url=f"imaps://localhost:{server.tls}", secrets=secrets, trusted=True)
        stopping = asyncio.Event()
        running = asyncio.create_task(locker.scheduler.run(stopping))
        await until(lambda: locker.connections.get("me", "imap").mode == "normal", 30)
        before = locker.logbook.count("me", "imap")
        for n in range(2, 60):  # the first ones may arrive before anybody waits
            await asyncio.to_thread(server.put, letter(n))
            if locker.logbook.count("me", "imap") > before:
                break
            await asyncio.sleep(0.2)
        await until(lambda: locker.logbook.count("me", "imap") > before, 30)
        stopping.set()
        await running
