"""
One connection to a mail server, made to the one address that may be reached, its certificate held against the host's name.

imapclient blocks, so every command runs in a thread; whoever stops waiting cuts the connection.  A mailbox is only ever examined, and bodies are
peeked at: nothing on the server changes, no message becomes seen.
"""

from __future__ import annotations

import asyncio
import imaplib
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from imapclient import IMAPClient, exceptions
from imapclient.response_parser import parse_fetch_response

from locker.error import Fatal, Retriable, Skippable, Unauthorized

from ._uids import Uids

T = TypeVar("T")
Fetched = dict[int, dict[bytes, Any]]

TIMEOUT = 60.0
LARGEST = 64 << 20
"""Bytes of one literal that are taken; a server that announces more is cut off."""

LONGEST = 16 << 20
"""Bytes of one line that are taken: the UIDs of some two million messages."""

_KEEPALIVE = (b"OK", b"NO", b"BAD")
_LATER = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is: *address* is what may be connected to, *host* what its certificate must say; *tls* is ``on``, ``starttls`` or ``off``."""

    host: str
    port: int
    address: str
    tls: str = "on"
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    """Who is asking: a password, or a token that stands for it."""

    username: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A mailbox that can be opened: its name as people read it, its special uses (``\\all``, ``\\trash``) in lower case."""

    name: str
    uses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a mailbox says of itself when it is opened; 0 for what the server does not say."""

    validity: int
    next: int
    modseq: int
    exists: int


class Server:
    """An open, signed in connection.  ``await open(place, login)`` makes one."""

    def __init__(self, client: IMAPClient) -> None:
        self._client = client
        self._capabilities: frozenset[str] = frozenset()
        self.has_vanished = False
        """Whether it tells which messages went away (QRESYNC)."""

    @property
    def is_gmail(self) -> bool:
        return "X-GM-EXT-1" in self._capabilities

    @classmethod
    async def open(cls, place: Place, login: Login) -> Server:
        """Connect and sign in.  Raises Unauthorized, Fatal (what somebody must mend) or Retriable."""
        client: IMAPClient = await _call(_connect, place)
        server = cls(client)
        try:
            await server._run(server._sign_in, place, login)
        except BaseException:
            server.cut()
            raise
        return server

    async def close(self) -> None:
        """Sign out if that is quick, and close the connection in any case."""
        try:
            async with asyncio.timeout(5):
                await asyncio.to_thread(self._client.logout)
        except (TimeoutError, OSError, imaplib.IMAP4.error, ValueError):
            self.cut()

    def cut(self) -> None:
        """Close the connection at once; a command that waits in its thread ends."""
        with suppress(OSError, AttributeError):  # it may be closed already
            self._client.socket().shutdown(socket.SHUT_RDWR)
        with suppress(OSError, AttributeError, imaplib.IMAP4.error, ValueError):
            self._client.shutdown()

    async def mailboxes(self) -> list[Listed]:
        """Every mailbox that can be opened, in order of name.  Raises Retriable if there is none at all."""
        found: list[Listed] = await self._run(self._list)
        if not found:
            raise Retriable("the mail server lists no mailbox at all, not even INBOX")
        return found

    async def examine(self, name: str) -> Examined:
        """Open a mailbox for reading only.  Raises Skippable if the server refuses."""
        try:
            said = await self._run(self._client.select_folder, name, True)
        except Fatal as error:
            raise Skippable(f"{name} cannot be opened: {error}") from error
        numbers = [
            value if isinstance(value := said.get(key), int) else 0 for key in (b"UIDVALIDITY", b"UIDNEXT", b"HIGHESTMODSEQ", b"EXISTS")
        ]
        return Examined(*numbers)

    async def uids(self, first: int = 1) -> list[int]:
        """The UIDs from *first* on, in order."""
        found = await self._run(self._client.search, ["UID", f"{first}:*"] if first > 1 else ["ALL"])
        return sorted({uid for uid in found if uid >= first})  # first:* always has the last message, whatever its number

    async def fetch(self, uids: Iterable[int] | str, *items: str, modifiers: str = "") -> Fetched:
        """These items of some messages, by UID; what the server says of other messages is left out.  Raises Skippable if it cannot be understood."""
        wanted = uids if isinstance(uids, str) else str(Uids(uids))
        return await self._run(self._fetch, wanted, f"({' '.join(items)})", modifiers) if wanted else {}

    async def changed(self, last: int, modseq: int) -> tuple[Fetched, Uids]:
        """The flags that changed since *modseq* in messages up to the UID *last*, and if the server tells, which of them went away."""
        asked = f"(CHANGEDSINCE {modseq}{' VANISHED' if self.has_vanished else ''})"
        found = await self.fetch(f"1:{last}", "FLAGS", modifiers=asked)
        return found, await self._run(self._vanished)

    async def idle(self, seconds: float) -> bool:
        """Wait until something happens in the open mailbox.  Raises Skippable if the server cannot tell."""
        if "IDLE" not in self._capabilities:
            raise Skippable("this mail server has no IDLE")
        return await self._run(self._idle, seconds)

    async def _run(self, do: Callable[..., T], *args: Any) -> T:
        try:
            return await _call(do, *args)
        except asyncio.CancelledError:
            self.cut()
            raise

    def _sign_in(self, place: Place, login: Login) -> None:
        client = self._client
        if place.tls == "starttls":
            if not client.has_capability("STARTTLS"):
                raise Fatal(f"{place.host} offers no STARTTLS on port {place.port}; use --option tls=on (port 993)")
            client.starttls(place.context)
        if client._imap.state == "NONAUTH":
            if login.token:
                client.oauth2_login(login.username, login.token)
            elif client.has_capability("LOGINDISABLED"):
                if not client.has_capability("AUTH=PLAIN"):
                    raise Fatal(f"{place.host} takes no password on this connection; use --option tls=on or tls=starttls")
                client.plain_login(login.username, login.password)
            else:
                client.login(login.username, login.password)
        client._cached_capabilities = None  # those from before signing in say less
        self._capabilities = frozenset(one.decode("ascii", "replace") for one in client.capabilities())
        if "QRESYNC" in self._capabilities and "ENABLE" in self._capabilities:
            self.has_vanished = b"QRESYNC" in client.enable("QRESYNC")

    def _list(self) -> list[Listed]:
        found: dict[str, Listed] = {}
        for flags, _, name in self._client.list_folders():
            uses = frozenset(flag.decode("ascii", "replace").lower() for flag in flags)
            text = "NIL" if name is None else str(name)  # a mailbox may be called so
            if not uses & {"\\noselect", "\\nonexistent"}:
                found[text] = Listed(text, uses)
        return [found[name] for name in sorted(found)]

    def _fetch(self, uids: str, items: str, modifiers: str) -> Fetched:
        imap = self._client._imap
        imap.untagged_responses.clear()
        kind, data = imap.uid("FETCH", uids, items, *filter(None, [modifiers]))
        if kind != "OK":
            raise exceptions.IMAPClientError(f"FETCH: {data!r:.200}")
        # By sequence number: what a server throws in about other messages may lack the UID and would be taken for one.
        try:
            found = parse_fetch_response([one for one in data if one is not None], False, False)
        except (exceptions.ProtocolError, ValueError, AssertionError, IndexError) as error:
            raise Skippable(f"the mail server's answer cannot be understood: {error!s:.200}") from error
        return {fields[b"UID"]: fields for fields in found.values() if isinstance(fields.get(b"UID"), int)}

    def _vanished(self) -> Uids:
        _, data = self._client._imap.response("VANISHED")
        texts = (one.decode("ascii", "replace").removeprefix("(EARLIER)").strip() for one in data or () if isinstance(one, bytes))
        try:
            return Uids.parse(",".join(texts))
        except ValueError as error:
            raise Skippable(f"the mail server's answer cannot be understood: VANISHED {data!r:.80}") from error

    def _idle(self, seconds: float) -> bool:
        client, end = self._client, time.monotonic() + seconds
        client.idle()
        news = False
        while not news and (left := end - time.monotonic()) > 0:
            said = client.idle_check(left)
            if not said and end - time.monotonic() > 0.001:
                raise imaplib.IMAP4.abort("the connection ended while idling")
            news = any(one[0] not in _KEEPALIVE for one in said if one)
        _, rest = client.idle_done()
        return news or any(one[0] not in _KEEPALIVE for one in rest if one)


class _Connection(imaplib.IMAP4):
    """imaplib's connection, to an address that was judged already, and with bounded literals."""

    def __init__(self, place: Place) -> None:
        self._place = place
        super().__init__(place.host, place.port, TIMEOUT)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self._place.address, self._place.port), timeout)
        if self._place.tls != "on":
            return plain
        try:
            return self._place.context.wrap_socket(plain, server_hostname=self._place.host)
        except BaseException:
            plain.close()
            raise

    def readline(self) -> bytes:
        line = bytes(self.file.readline(LONGEST + 1))  # type: ignore[arg-type]
        if len(line) > LONGEST:
            raise self.abort(f"the server sends a line of more than {LONGEST} bytes")
        return line

    def read(self, size: int) -> bytes:
        if size > LARGEST:
            raise self.abort(f"the server announces {size} bytes at once")
        return super().read(size)


class _Client(IMAPClient):  # type: ignore[misc]
    """imapclient over our own connection; it writes nothing of what is said into a log."""

    def __init__(self, place: Place) -> None:
        self._place = place
        super().__init__(place.host, place.port, ssl=place.tls == "on", timeout=TIMEOUT)
        self._imap.debug = 0

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 (imapclient's own name)
        return _Connection(self._place)


def _connect(place: Place) -> IMAPClient:
    return _Client(place)


async def _call(do: Callable[..., T], *args: Any) -> T:
    """Run it in a thread, and say what its errors mean."""
    try:
        return await asyncio.to_thread(do, *args)
    except exceptions.LoginError as error:
        # imapclient says so too when the connection breaks off, and servers have codes (RFC 5530) for what will pass.
        if isinstance(error.__context__, imaplib.IMAP4.abort) or any(code in str(error).upper() for code in _LATER):
            raise Retriable(f"the mail server lets nobody in now: {_said(error)}") from error
        raise Unauthorized(f"the mail server refuses the user or the password: {_said(error)}") from error
    except ssl.SSLCertVerificationError as error:
        raise Fatal(f"the mail server's certificate is not good: {error.verify_message}; name the host that it was made for") from error
    except (imaplib.IMAP4.abort, OSError, EOFError) as error:
        raise Retriable(f"the mail server does not answer: {_said(error) or type(error).__name__}") from error
    except (imaplib.IMAP4.error, ValueError, AssertionError) as error:
        raise Fatal(f"the mail server refuses: {_said(error)}") from error


def _said(error: Exception) -> str:
    return str(error)[:200]
