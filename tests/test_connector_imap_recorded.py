"""
Mail servers as they were recorded, and as they misbehave: Gmail, Courier, Cyrus, Dovecot, and answers that no server should give.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import pytest

from locker.error import Fatal, Retriable, Unauthorized

from .fetches import LoopbackSession, Shelf, fetching
from .scripted_imap import Script, playing
from .shared import DATA, needs_shared

RECORDED = DATA / "imap-mailkit"
DONE = b"A######## OK done\n"
PLAIN = b"* CAPABILITY IMAP4rev1\n" + DONE
SELECTED = b"* FLAGS (\\Seen)\n* %d EXISTS\n* OK [UIDVALIDITY 7] x\n* OK [UIDNEXT %d] x\n" + DONE
LETTER = b"Subject: one\r\nMessage-ID: <one@example.org>\r\n\r\nText\r\n"


def recorded(name: str) -> bytes:
    """A recorded answer."""
    return (RECORDED / name).read_bytes()


def fetched(uid: int, raw: bytes, number: int = 1) -> bytes:
    """A message as a server sends it."""
    return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\n" % (number, uid, len(raw), raw)


def basic(**more: bytes) -> dict[str, bytes]:
    """A server without extensions, one mailbox, one message."""
    return {
        "CAPABILITY": PLAIN,
        "LIST": b'* LIST () "/" INBOX\n' + DONE,
        "EXAMINE": SELECTED % (1, 2),
        "UID SEARCH": b"* SEARCH 1\n" + DONE,
        "UID FETCH 1 .*BODY": fetched(1, LETTER) + DONE,
        "UID FETCH 1 ": b"* 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 56)\n" + DONE,
        **more,
    }


def shelf(port: int, **secrets: str) -> Shelf:
    """A shelf of somebody connected to the server."""
    session = LoopbackSession(
        f"imap://127.0.0.1:{port}", {"tls": "off", "username": "jane"}, secrets or {"username": "jane", "password": "x"}
    )
    return Shelf(fetching("imap"), session)


async def run(greeting: bytes, answers: Mapping[str, bytes], **secrets: str) -> tuple[Shelf, Script]:
    """What one run brings, with the script as it was played."""
    script = Script(greeting, answers)
    with playing(script) as port:
        kept = shelf(port, **secrets)
        await kept.run()
    return kept, script


async def test_a_plain_server_is_enough() -> None:
    """IMAP4rev1 and nothing else; every command that could change anything is missing from what it heard."""
    kept, script = await run(b"* OK hello\n", basic())
    assert ["one"] == [body["subject"] for body in kept.of("message").values()]
    assert not [command for command in script.heard if command.upper().startswith(("SELECT", "STORE", "UID STORE", "EXPUNGE"))]
    assert not [command for command in script.heard if "BODY[" in command]


@needs_shared
@pytest.mark.shared
async def test_shared_gmail_with_a_token() -> None:
    """Gmail's own messages, with its ids, threads and labels; the token is handed over as XOAUTH2."""
    bodies = b"".join(recorded(f"gmail/fetch.{n}.txt").partition(b"A########")[0] for n in (3, 5, 7, 13, 14))
    answers = {
        "CAPABILITY": recorded("gmail/capability.txt"),
        "AUTHENTICATE": b"+ \n",
        "dXNlcj": recorded("gmail/authenticate.txt"),
        "LIST": b'* LIST (\\HasNoChildren) "/" "INBOX"\n* LIST (\\All) "/" "[Gmail]/All Mail"\n' + DONE,
        "EXAMINE": recorded("common/select-inbox.txt"),
        "UID SEARCH": b"* SEARCH 3 5 7 13 14\n" + DONE,
        "UID FETCH .*BODY": bodies + DONE,
        "UID FETCH": recorded("gmail/search-summary.txt"),
    }
    script = Script(recorded("gmail/greeting.txt"), answers)
    script.answer = lambda tag, command: _sasl(script, tag, command)  # type: ignore[method-assign]
    with playing(script) as port:
        kept = shelf(port, token="secret-token")
        await kept.run()
    found = kept.of("message")
    assert 5 == len(found)
    assert {"[Gmail]/All Mail"} == {body["mailbox"] for body in found.values()}
    for body in found.values():
        assert body["gmail_id"].isdecimal()
        assert body["thread_id"].isdecimal()
        assert "Test Messages" in body["labels"]
    assert [] == kept.problems


def _sasl(script: Script, tag: bytes, command: str) -> bytes:
    """What comes after AUTHENTICATE is one line without a tag; its answer carries the tag of the command."""
    if command.upper().startswith("AUTHENTICATE"):
        script.heard.append(tag.decode())
    if not command:  # the line with the token
        tag, command = script.heard[-1].encode(), "dXNlcj"
        return Script.answer(script, tag, command)
    return Script.answer(script, tag, command) if not command.upper().startswith("AUTHENTICATE") else b"+ \r\n"


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(("server", "examined"), [("courier", "common/select-inbox-no-modseq.txt"), ("cyrus", "common/select-inbox.txt")])
async def test_shared_greetings_and_capabilities(server: str, examined: str) -> None:
    """Courier counts no changes, Cyrus does; both give their message, and say nothing new the second time."""
    answers = basic(EXAMINE=recorded(examined).replace(b"8 EXISTS", b"1 EXISTS"), CAPABILITY=recorded(f"{server}/capability.txt"))
    script = Script(recorded(f"{server}/greeting.txt"), answers)
    with playing(script) as port:
        kept = shelf(port)
        assert ["add"] == [op for op, _, _ in await kept.run()]
        assert [] == await kept.run()


@needs_shared
@pytest.mark.shared
async def test_shared_mailbox_names() -> None:
    """A name sent as a literal, and one without a separator, are mailboxes like others."""
    for file, names in (
        ("list-literal-subfolders", {"INBOX", "Literal Folder Name"}),
        ("list-nil-folder-delim", {"INBOX", "Folder1", "Folder2"}),
    ):
        kept, _ = await run(b"* OK hello\n", basic(LIST=recorded(f"common/{file}.txt")))
        assert names == {body["mailbox"] for body in kept.of("message").values()}
    kept, script = await run(recorded("common/preauth-greeting.txt"), basic())
    assert 1 == len(kept.of("message"))
    assert not [command for command in script.heard if command.startswith("LOGIN")]


@needs_shared
@pytest.mark.shared
async def test_shared_vanished() -> None:
    """Dovecot's own words for what went away and what changed."""
    with playing(script := Script(b"* OK hello\n", {})) as port:
        fetching("imap")
        module = import_module("locker.connectors._imap_server")
        script.answers = {"CAPABILITY": b"* CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC\n" + DONE, "ENABLE": recorded("dovecot/enable-qresync.txt"),
                          "EXAMINE": SELECTED % (3, 9), "UID FETCH": recorded("dovecot/fetch-partial-vanished.txt")}  # fmt: skip
        server = await module.Server.open(module.Place("127.0.0.1", port, "127.0.0.1", "off"), module.Login("jane", "x"))
        await server.examine("INBOX")
        found, vanished = await server.changed(8, 2)
        await server.close()
    assert ({6, 7, 8}, [5]) == (set(found), list(vanished))


async def test_a_message_that_confuses_the_parser_spoils_no_other() -> None:
    """The others are asked for one by one, and it is a problem."""
    answers = basic(**{
        "EXAMINE": SELECTED % (2, 3),
        "UID SEARCH": b"* SEARCH 1 2\n" + DONE,
        "UID FETCH 2 .*BODY": b"* 2 FETCH (UID 2 BODY[] ((\n" + DONE,
        "UID FETCH 1:2 .*BODY": fetched(1, LETTER) + b"* 2 FETCH (UID 2 BODY[] ((\n" + DONE,
        "UID FETCH 1:2 ": b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 9)\n* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 9)\n" + DONE,
    })  # fmt: skip
    answers = dict(sorted(answers.items(), key=lambda pair: ("BODY" not in pair[0], -len(pair[0]))))
    kept, _ = await run(b"* OK hello\n", answers)
    assert (1, ["UID 2"]) == (len(kept.of("message")), [problem.place for problem in kept.problems])


async def test_what_is_said_of_other_messages_is_left_out() -> None:
    """A FETCH without a UID, thrown in by the server, is not taken for the message of that number."""
    answers = basic(**{"UID FETCH 1 ": b"* 5 FETCH (FLAGS (\\Deleted))\n* 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 9)\n" + DONE})
    kept, _ = await run(b"* OK hello\n", answers)
    assert [["seen"]] == [body["flags"] for body in kept.of("message").values()]


async def test_of_a_message_beyond_measure_only_the_head_is_kept() -> None:
    """Its size is told, its body is never asked for."""
    head = b"* 1 FETCH (UID 1 BODY[HEADER] {%d}\r\n%s)\n" % (len(LETTER) - 6, LETTER[:-6])
    answers = {"UID FETCH 1 .*HEADER": head + DONE, "UID FETCH 1 .*SIZE": b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 99000000)\n" + DONE}
    kept, script = await run(b"* OK hello\n", {**answers, **basic()})
    [body] = kept.of("message").values()
    assert (True, 99000000, "one") == (body["truncated"], body["size"], body["subject"])
    assert not [command for command in script.heard if "BODY.PEEK[]" in command]


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"LOGIN": b"A######## NO [AUTHENTICATIONFAILED] no\n"}, Unauthorized, "refuses the user"),
        ({"LOGIN": b"A######## NO [UNAVAILABLE] later\n"}, Retriable, "nobody in now"),
        ({"LOGIN": b"* BYE too many\n"}, Retriable, "nobody in now"),
        ({"CAPABILITY": b"* CAPABILITY IMAP4rev1 LOGINDISABLED\n" + DONE}, Fatal, "tls=starttls"),
        ({"LIST": DONE}, Retriable, "not even INBOX"),
        ({"UID FETCH 1 .*BODY": b"* 1 FETCH (UID 1 BODY[] {99999999999}\n"}, Retriable, "at once"),
        ({"UID FETCH 1 .*BODY": b"* BYE bye\n"}, Retriable, "does not answer"),
    ],
)
async def test_what_servers_refuse(changed: dict[str, bytes], error: type[Exception], says: str) -> None:
    """Each refusal is told as what it is: somebody must act, or it will pass."""
    with pytest.raises(error, match=says):
        await run(b"* OK hello\n", {**changed, **{name: text for name, text in basic().items() if name not in changed}})
