"""
What a connector is: one file that knows how to ask one service, or how to read one kind of archive.

Drop a file into ``connectors/`` (or publish it under the entry point ``locker.connectors``) with one subclass of ``Archived`` (files that
a person downloaded) or ``Fetching`` (a service on the network); nothing has to be registered, and one class may be both.  A reader says which files
it reads, yields what it found, and maps each document to the canonical fields of its type::

    class Bookmarks(Archived):
        name = "bookmarks"  # also the subtype and the default source: link/bookmarks
        types = ("link",)
        title = "Browser bookmarks (Netscape HTML)"
        patterns = ("*.html", "*.htm")

        def read(self, archive: Archive) -> Iterator[Found]:
            for name in archive.names(*self.patterns):
                with archive.open(name) as file:
                    for number, entry in enumerate(entries(file)):
                        yield Item("link", key=entry["href"], body=entry)

        def map(self, type: str, body: Body) -> Body | None:
            return {"url": body["href"], "title": body.get("text")}

A connector that fetches says how it is authorised, which streams it has and how fast it may ask::

    class Github(Fetching):
        name = "github"
        types = ("favorite",)
        title = "GitHub"
        base_url = "https://api.github.com"
        auth = (Bearer(help="github.com/settings/tokens"),)
        who = Who(path="/user", facts={"id": "id", "username": "login"})
        pace = Pace(requests=5000, seconds=3600)
        streams = (
            Stream(name="stars", type="favorite", path="/user/starred", key="repo.id", paging=Link(), order="newest",
                   headers={"Accept": "application/vnd.github.star+json"}),
        )  # fmt: skip

        def map(self, type: str, body: Body) -> Body | None:
            return {"url": body["repo"]["html_url"], "title": body["repo"]["full_name"], "created": body["starred_at"]}

Where data is not enough it overrides ``item`` (an entry that is not simply stored as it stands), ``document`` and ``entries`` (an answer that is no
JSON, or no plain list), ``fetch`` (a protocol of its own) or ``judge`` (what an answer means).

What it yields is stored as it stands, forever.  ``map`` runs later, whenever collections are composed, and may be improved at any time: a better map
only needs a replay.  It must be a pure function of its arguments and must not raise for anything that ``read`` yielded; None means that this
document is no object (it stays in the log all the same).

Rules that the machinery keeps, so that a connector need not: unchanged items append nothing; the n-th different body of one key within a run
gets the key ``…#n``; ``Blob`` values in a body are moved to the blob table; times, salts, versions and digests are added; a problem never
stops the rest.  Memory stays bounded if ``read`` streams: never build a list of a whole archive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

from . import walker
from .archive import Archive
from .authorisation import ApiKey, Authorisation, Basic, Bearer, Login, OAuth1, OAuth2
from .charset import decode, decode_undeclared, mend
from .error import Invalid, LockerError, Skippable
from .fetching import DAY, HOUR, Answer, Option, Page, Session, Since, Stream, Walk, Who
from .item import Found, Item, Problem, Scope
from .mapping import Paths, find
from .moment import iso, moment
from .pace import Pace
from .paging import URL, Cursor, Link, MaxId, NextUrl, Offset, Once, PageNumber, Paging, Step
from .path import without
from .record import Blob, Body

ANYWHERE = "*"

__all__ = [
    "ANYWHERE",
    "DAY",
    "HOUR",
    "URL",
    "Answer",
    "ApiKey",
    "Archive",
    "Archived",
    "Authorisation",
    "Basic",
    "Bearer",
    "Blob",
    "Body",
    "Connector",
    "Cursor",
    "Fetching",
    "Found",
    "Item",
    "Link",
    "Login",
    "MaxId",
    "NextUrl",
    "OAuth1",
    "OAuth2",
    "Offset",
    "Once",
    "Option",
    "Pace",
    "Page",
    "PageNumber",
    "Paging",
    "Paths",
    "Problem",
    "Scope",
    "Session",
    "Since",
    "Step",
    "Stream",
    "Walk",
    "Who",
    "decode",
    "decode_undeclared",
    "find",
    "iso",
    "mend",
    "moment",
    "without",
]


class Connector(ABC):
    """Knows one service: which primary types it gives, and how to map its documents to canonical fields."""

    name: ClassVar[str]
    """``[a-z0-9-]+``: the subtype of all its records and the name of its default source."""

    types: ClassVar[tuple[str, ...]]
    """Primary types that it may yield."""

    title: ClassVar[str]
    """What a person would call it."""

    @abstractmethod
    def map(self, type: str, body: Body) -> Body | None:
        """The canonical body of one document of a primary type, or None if it is no object."""


class Archived(Connector):
    """A connector that reads files which a person downloaded."""

    patterns: ClassVar[tuple[str, ...]] = ()
    """File names it reads by default (``*.vcf``); used to guess a connector and to pick members of a folder or zip."""

    @abstractmethod
    def read(self, archive: Archive) -> Iterator[Found]:
        """Everything in the archive, streaming, in a stable order.  May raise Fatal if this is not such an archive at all."""

    def options(self, settings: dict[str, str]) -> Archived:
        """The same connector with options of this run (``--option mapping=map.json``).  Raises Invalid for unknown ones."""
        if settings:
            raise Invalid(f"{self.name} takes no options, got {', '.join(sorted(settings))}")
        return self


class Fetching(Connector):
    """A connector that asks a service over the network.

    ``locker/sync.py`` runs it: each page is appended together with where to go on, in one transaction, so that a run that is killed at any point
    loses nothing and repeats at most the few pages that waited to be written.
    """

    base_url: ClassVar[str] = ""
    """Where the service answers, without a slash at the end; a connection may name another one.  Empty: every connection must name it."""

    auth: ClassVar[tuple[Authorisation, ...]] = ()
    """The ways to be let in, the best first; () if the service asks for nothing."""

    who: ClassVar[Who | None] = None
    """How to learn whose account it is; None if the options say so."""

    asks: ClassVar[tuple[Option, ...]] = ()
    """What a connection can be told beside its credentials."""

    streams: ClassVar[tuple[Stream, ...]] = ()
    """What there is to fetch."""

    pace: ClassVar[Pace] = Pace()
    """How fast it may be asked."""

    hosts: ClassVar[tuple[str, ...]] = ()
    """Other hosts than that of the base URL that it may be led to, by a ``next`` of theirs or its own whole URLs; credentials go there, too.

    ``(ANYWHERE,)`` for a connector without credentials that is told whole addresses (feeds); it needs no base URL, and the guard still rules.
    """

    runs_programs: ClassVar[bool] = False
    """Whether it runs programs of others on this machine: then only the operator can connect it, and never over HTTP."""

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        """The pages of a stream from where a walk stands.  As declared, unless overridden; may be abandoned after any page."""
        return walker.pages(self, session, stream, walk)

    def document(self, answer: Answer) -> Any:
        """What an answer says, in which paging and paths look: its JSON, unless overridden.  Raises Retriable if it is unreadable."""
        return answer.json()

    def entries(self, stream: Stream, document: Any) -> Any:
        """The list in a document: what is at the stream's *items*, unless overridden (a service that tells a part of each entry elsewhere in the answer)."""
        return walker.entries(stream, document)

    async def wait(self, session: Session, seconds: float) -> bool:  # noqa: ARG002
        """Optional: sleep until the service says that there is something new (True), at most *seconds* (False).

        Whoever schedules may hold it open between two runs and run at once when it says True; it may be cancelled at any time.  Raises Skippable
        where the service cannot tell, as every connector does that does not override it: then only the clock starts a run.
        """
        raise Skippable(f"{self.name} does not tell when there is something new")

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        """What one entry of a stream's list becomes: itself under its key, unless overridden; None leaves it out."""
        return walker.item(stream, entry)

    passing: ClassVar[frozenset[str]] = frozenset()
    """Members of its documents, at any depth, that change though nobody did anything: counters of stars, of views.  Documents are stored whole."""

    @property
    def has_passing(self) -> bool:
        """Whether some of its documents' content does not count."""
        return bool(self.passing) or type(self).lasting is not Fetching.lasting

    def lasting(self, type: str, body: Body) -> Body:  # noqa: ARG002 - one that overrides it may want the type
        """What of a document of a primary type counts: a document that differs in the rest alone is nothing new.  Without *passing*, unless overridden."""
        made: Body = without(body, self.passing)
        return made

    def judge(self, answer: Answer) -> LockerError | None:  # noqa: ARG002
        """What an answer means where its status does not say it (an error inside of a 200, a limit told as 403); None: what the status says."""
        return None
