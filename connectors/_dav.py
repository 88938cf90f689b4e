"""
WebDAV as address books and calendars speak it (RFC 4918, 6578): questions in XML, answers of many statuses, and where a person's collections are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin, urlsplit
from xml.sax.saxutils import escape

from lxml import etree

from locker.connector import Answer, Session
from locker.error import Fatal, Retriable, Skippable

D = "{DAV:}"
CALENDAR_SERVER = "{http://calendarserver.org/ns/}"
HOPS = 5

_MOVED = (301, 302, 303, 307, 308)
_ABSENT = (404, 405, 410)
_PREFIXES = {
    "DAV:": "d",
    "http://calendarserver.org/ns/": "cs",
    "urn:ietf:params:xml:ns:caldav": "cal",
    "urn:ietf:params:xml:ns:carddav": "card",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is looked for: address books or calendars, by the names that the protocol has for them."""

    well_known: str
    home: str
    collection: str
    multiget: str
    data: str


@dataclass(frozen=True, slots=True)
class Response:
    """What a server says of one resource: its *url*, a *status* for the whole of it, and the properties that it found, by name."""

    url: str
    status: int
    props: Mapping[str, etree._Element] = field(default_factory=dict)

    def text(self, name: str) -> str:
        element = self.props.get(name)
        return (element.text or "").strip() if element is not None else ""

    def hrefs(self, name: str) -> list[str]:
        """The URLs within a property (``current-user-principal``)."""
        element = self.props.get(name)
        return [] if element is None else [urljoin(self.url, (one.text or "").strip()) for one in element.iter(f"{D}href")]

    def has(self, name: str, child: str) -> bool:
        element = self.props.get(name)
        return element is not None and next(element.iter(child), None) is not None


@dataclass(frozen=True, slots=True)
class Multistatus:
    """An answer of many statuses, and the token for the next question."""

    responses: Sequence[Response]
    token: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """An address book or a calendar: *token* and *count* (ctag) tell whether anything in it changed; empty where the server has none."""

    url: str
    name: str
    token: str = ""
    count: str = ""
    has_sync: bool = False


def path_of(url: str) -> str:
    """A resource's path as people would write it; it names the resource whatever host or escapes a server writes."""
    return unquote(urlsplit(url).path)


def parse(answer: Answer) -> Multistatus:
    """Read a 207.  Entities are never expanded and nothing is loaded.  Raises Retriable for an answer that is cut or no XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False)
    try:
        root = etree.fromstring(answer.body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Retriable(f"{answer.url} answers {len(answer.body)} bytes that are no XML: {str(error)[:120]}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Fatal(f"{answer.url} is no WebDAV: its answer declares a document type")
    if root.tag != f"{D}multistatus":
        raise Fatal(f"{answer.url} is no WebDAV: it answers <{etree.QName(root).localname}>; give the base URL of the server's DAV")
    return Multistatus(
        [_response(one, answer.url) for one in root.iterfind(f"{D}response")], (root.findtext(f"{D}sync-token") or "").strip()
    )


def _response(element: etree._Element, base: str) -> Response:
    found: dict[str, etree._Element] = {}
    statuses = [_status(element.findtext(f"{D}status"))]
    for part in element.iterfind(f"{D}propstat"):
        status = _status(part.findtext(f"{D}status"))
        if 200 <= status < 300:
            found.update({str(prop.tag): prop for holder in part.iterfind(f"{D}prop") for prop in holder})
            statuses.append(200)
        else:
            statuses.append(status)
    status = statuses[0] or (200 if 200 in statuses else max(statuses))
    return Response(urljoin(base, (element.findtext(f"{D}href") or "").strip()), status, found)


def _status(line: str | None) -> int:
    """The number in ``HTTP/1.1 404 Not Found``; 0 for none."""
    parts = (line or "").split()
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0


def element(name: str, *inside: str) -> str:
    """An element with its prefix: ``<d:prop>…</d:prop>``."""
    qualified = etree.QName(name)
    tag = f"{_PREFIXES[qualified.namespace or 'DAV:']}:{qualified.localname}"
    return f"<{tag}>{''.join(inside)}</{tag}>"


def question(name: str, *inside: str) -> bytes:
    """A whole request body."""
    text = element(name, *inside)
    spaces = " ".join(f'xmlns:{prefix}="{space}"' for space, prefix in _PREFIXES.items())
    return f'<?xml version="1.0" encoding="utf-8"?>{text.replace(">", f" {spaces}>", 1)}'.encode()


def props(*names: str) -> str:
    """The properties that a question asks for."""
    return element(f"{D}prop", *(element(name) for name in names))


def hrefs(urls: Iterable[str]) -> Iterator[str]:
    """The resources that a question is about."""
    return (element(f"{D}href", escape(urlsplit(url).path)) for url in urls)


class Dav:
    """Asks a server about its resources."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def ask(self, method: str, url: str, body: bytes, depth: str, accept: Sequence[int] = ()) -> Answer:
        """One question, following the server's own redirects.  Raises Fatal if it leads to another server."""
        headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        for _ in range(HOPS):
            answer = await self._session.request(method, url, headers=headers, body=body, accept=(*_MOVED, *accept))
            location = answer.headers.get("location")
            if answer.status not in _MOVED or not location:
                return answer
            following = urljoin(answer.url, location)
            if urlsplit(following)[:2] != urlsplit(url)[:2]:
                raise Fatal(f"{url} leads to another server; if it is yours, connect again with --base-url {following.partition('?')[0]}")
            url = following
        raise Fatal(f"{url} leads from one place to the next, more than {HOPS} times")

    async def find(self, url: str, *names: str, depth: str = "0", accept: Sequence[int] = ()) -> Multistatus | None:
        """Properties of a resource (and, with *depth* 1, of what is in it); None for a status of *accept*."""
        answer = await self.ask("PROPFIND", url, question(f"{D}propfind", props(*names)), depth, accept)
        return None if answer.status in accept else parse(answer)

    async def get(self, url: str) -> str | None:
        """A resource's text, None if it is gone."""
        answer = await self._session.get(url, accept=(404, 410))
        return None if answer.status in (404, 410) else answer.text()

    async def homes(self, kind: Kind) -> list[str]:
        """Where a person's collections are (RFC 6764): from the base URL, /.well-known and / by way of the person's principal.

        A base URL that is itself a collection is answered as it is.  Raises Fatal if nothing is found.
        """
        base = self._session.base_url
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(base))
        wanted = (f"{D}current-user-principal", f"{D}resourcetype", kind.home)
        for url in dict.fromkeys((f"{base}/" if urlsplit(base).path else "", f"{origin}/.well-known/{kind.well_known}", f"{origin}/")):
            found = await self._try(url, *wanted) if url else None
            if not found:
                continue
            if found.has(f"{D}resourcetype", kind.collection):
                return [found.url]
            if homes := found.hrefs(kind.home):
                return homes
            for principal in found.hrefs(f"{D}current-user-principal"):
                person = await self._try(principal, kind.home)
                if person and (homes := person.hrefs(kind.home)):
                    return homes
        raise Fatal(f"{base} tells of no {kind.well_known} collections; give the base URL that its help names for other programs")

    async def _try(self, url: str, *names: str) -> Response | None:
        try:
            found = await self.find(url, *names, accept=_ABSENT)
        except Skippable:
            return None
        return next((one for one in found.responses if 200 <= one.status < 300), None) if found else None

    async def collections(self, home: str, kind: Kind) -> list[Collection] | None:
        """The collections in a home, or the one that it is itself; None if it is no more."""
        names = ("resourcetype", "displayname", "sync-token", "supported-report-set")
        found = await self.find(home, *(f"{D}{name}" for name in names), f"{CALENDAR_SERVER}getctag", depth="1", accept=_ABSENT)
        if found is None:
            return None
        made = [
            Collection(
                one.url if one.url.endswith("/") else f"{one.url}/",
                one.text(f"{D}displayname"),
                token := one.text(f"{D}sync-token"),
                one.text(f"{CALENDAR_SERVER}getctag"),
                bool(token) or one.has(f"{D}supported-report-set", f"{D}sync-collection"),
            )
            for one in found.responses
            if one.has(f"{D}resourcetype", kind.collection)
        ]
        return sorted(made, key=lambda one: one.url)
