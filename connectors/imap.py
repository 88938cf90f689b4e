"""
Fetches mail from any mail server (IMAP), all mailboxes or some, and hears of new mail while it waits.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from locker.connector import HOUR, Basic, Bearer, Body, Fetching, Option, Pace, Page, Session, Stream, Walk
from locker.error import Fatal, Unauthorized

from ._mail import map_mail

if TYPE_CHECKING:
    from ._imap_server import Listed, Server

PORTS = {"on": 993, "starttls": 143, "off": 143}
LONGEST_IDLE = 28 * 60.0
"""RFC 2177: a server may hang up after half an hour of silence."""

_SCHEMES = {"imaps": "on", "imap": "starttls"}


class Imap(Fetching):
    """Messages and their correspondents.  A message is called after its place, ``INBOX;1436832084;17``; one that lies in two mailboxes, or was
    imported from a file before, is one object by its Message-ID."""

    name = "imap"
    types = ("message", "contact")
    title = "Mail (IMAP)"
    auth = (
        Basic(help="the user name and password of the mail program; Gmail, iCloud and others want a password made for this program"),
        Bearer(help="an OAuth token for mail (XOAUTH2), with --option username=ADDRESS"),
    )
    asks = (
        Option(name="tls", help="on, starttls, or off: then the password goes over the wire as it is; unless told, as the base URL says"),
        Option(name="username", help="who signs in, where only a token is given"),
        Option(name="take", help="the mailboxes to fetch, with commas between them (Work, Lists/*); all, if nothing is said"),
        Option(name="leave", help="mailboxes to leave out, in the same way"),
    )
    streams = (Stream(name="messages", type="message", path="", whole=False, every=HOUR / 4),)
    pace = Pace(per="host")

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:  # noqa: ARG002 (there is one stream)
        server = await _open(session)
        try:
            from ._imap_walk import Round

            choose = Chooser(_patterns(session.options.get("take", "")), _patterns(session.options.get("leave", "")))
            async with aclosing(Round(server, walk, choose, f"{_username(session)}@{urlsplit(session.base_url).netloc}").pages()) as pages:
                async for page in pages:
                    yield page
        finally:
            await server.close()

    async def wait(self, session: Session, seconds: float) -> bool:
        """IDLE in the mailbox where mail arrives."""
        server = await _open(session)
        try:
            every = next((one.name for one in await server.mailboxes() if server.is_gmail and "\\all" in one.uses), "INBOX")
            await server.examine(every)
            return await server.idle(min(seconds, LONGEST_IDLE))
        finally:
            await server.close()

    def map(self, type: str, body: Body) -> Body | None:
        return map_mail(type, body)


async def _open(session: Session) -> Server:
    """A signed in connection.  Raises Fatal if something is missing that a person must give."""
    try:
        from ._imap_server import Login, Place, Server
    except ImportError as error:
        raise Fatal("mail needs one more library: pip install 'locker[imap]'") from error
    host, port, tls = _place(session)
    login = Login(*_credentials(session))
    return await Server.open(Place(host, port, await session.address(host, port), tls), login)


def _place(session: Session) -> tuple[str, int, str]:
    """Host, port and TLS: ``imaps://`` is TLS from the start on port 993, ``imap://`` is STARTTLS on port 143."""
    try:
        url = urlsplit(session.base_url)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise Fatal(f"{session.base_url!r} is no mail server's URL: {error}; write it like imaps://mail.example.org") from error
    if not host or url.scheme not in _SCHEMES:
        raise Fatal(f"which mail server? Not {session.base_url!r}: connect again with --base-url imaps://mail.example.org")
    tls = session.options.get("tls") or _SCHEMES[url.scheme]
    if tls not in PORTS:
        raise Fatal(f"the option tls is on, starttls or off, not {tls!r}")
    return host, port or PORTS[tls], tls


def _credentials(session: Session) -> tuple[str, str, str]:
    """User name, password, token; one of the last two is empty."""
    token, username = _secret(session, "token"), _username(session)
    if not username:
        raise Unauthorized(
            "who signs in at the mail server? Connect again with --username and --password, or with --token and --option username=…"
        )
    return username, "" if token else session.secret("password"), token


def _username(session: Session) -> str:
    return _secret(session, "username") or session.options.get("username") or session.account.get("username") or ""


def _secret(session: Session, name: str) -> str:
    try:
        return session.secret(name)
    except Unauthorized:
        return ""


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(part.casefold() for one in text.split(",") if (part := one.strip()))


@dataclass(frozen=True, slots=True)
class Chooser:
    """Which mailboxes are wanted: those a person named; else all, but the views of a server that shows its mail twice."""

    take: tuple[str, ...]
    leave: tuple[str, ...]

    def __call__(self, listed: list[Listed], *, is_gmail: bool) -> list[Listed]:
        kept = [one for one in listed if not any(fnmatchcase(one.name.casefold(), pattern) for pattern in self.leave)]
        if self.take:
            return [one for one in kept if any(fnmatchcase(one.name.casefold(), pattern) for pattern in self.take)]
        if is_gmail and any("\\all" in one.uses for one in kept):
            # Each of its mailboxes but these is a label, and labels are told with the message.
            return [one for one in kept if one.uses & {"\\all", "\\junk", "\\trash"}]
        return [one for one in kept if not one.uses & {"\\all", "\\flagged", "\\important"}]
