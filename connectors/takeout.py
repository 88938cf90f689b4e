"""
Reads a Google Takeout: one zip or several, or the unpacked folder, in whatever language its folders are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import ClassVar

from locker.connector import Archive, Archived, Body, Found, Problem
from locker.error import Fatal

from ._icalendar import component_fields
from ._icalendar_file import events
from ._mail import Mail, mailbox, map_mail
from ._parts import Member, Parts
from ._takeout_activity import activity, map_activity, map_favorite, resources, table
from ._takeout_keep import map_note, map_profile, note, profile
from ._takeout_links import bookmarks, map_link, saved
from ._takeout_places import map_place, places
from ._vcard import card_fields, cards

Reader = Callable[[Member], Iterator[Found]]

_SNIFFED = 4096
_FOREIGN = re.compile(r"/(drive|google drive)/")
_PROFILE = re.compile(r"/profile\.json$")


def _contacts(member: Member) -> Iterator[Found]:
    with member.open() as file:
        yield from cards(file, member.label)


def _calendar(member: Member) -> Iterator[Found]:
    with member.open() as file:
        yield from events(file, member.label)


def _html(member: Member) -> Iterator[Found]:
    yield Problem(member.label, "", "this activity is HTML, made for reading; ask Takeout for JSON (My Activity, “Multiple formats”)")


_NAMED: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r"\.vcf$"), _contacts),
    (re.compile(r"\.ics$"), _calendar),
    (
        re.compile(
            r"/(bookmarks|lesezeichen)\.html$|/chrome/(bookmarks|lesezeichen|favoris|marcadores|segnalibri|bladwijzers)[^/]*\.html$"
        ),
        bookmarks,
    ),
    (re.compile(r"/(my ?activity|meine ?aktivitäten|mon ?activité|mi ?actividad|watch-history|search-history)\.html$"), _html),
    (re.compile(r"/(my ?activity|watch-history|search-history)\.json$"), activity),
    (
        re.compile(r"/(records|location history|location-history|timeline|timeline edits)\.json$|/semantic location history/.*\.json$"),
        places,
    ),
    (re.compile(r"/(saved places|reviews|labell?ed places)\.json$"), places),
    (re.compile(r"/keep/[^/]*\.json$"), note),
    (re.compile(r"/youtube[^/]*/.*(likes|liked videos|subscriptions)\.json$|^/(likes|subscriptions)\.json$"), resources),
    (re.compile(r"/(subscriptions|abos|abonnements|suscripciones|iscrizioni|abonnementen)/[^/]+\.csv$|/(subscriptions|abos)\.csv$"), table),
    (
        re.compile(
            r"/youtube[^/]*/.*/[^/]*(\bliked?\b|\blikes\b|mag[- ]ich|ich mag|j.aime|me gusta|mi piace|gostei|vind ik leuk)[^/]*\.csv$"
        ),
        table,
    ),
    (re.compile(r"/(saved|gespeichert|enregistrée?s?|guardados?|salvati|salvos|opgeslagen)/[^/]+\.csv$"), saved),
)
"""What is read how, by path: the names that Google uses in English, and some others."""

_LOOKS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r'"(timelineObjects|semanticSegments|rawSignals|timelineEdits)"\s*:\s*\['), places),
    (re.compile(r'"locations"\s*:\s*\[[^]]*"latitudeE7"'), places),
    (re.compile(r'"type"\s*:\s*"FeatureCollection"'), places),
    (re.compile(r'"kind"\s*:\s*"youtube#(subscription|playlistItem)"'), resources),
    (re.compile(r'^\s*\[\s*\{\s*"header"\s*:.*"title"\s*:', re.DOTALL), activity),
    (re.compile(r'^\s*\{.*"(isTrashed|isPinned|isArchived)"\s*:', re.DOTALL), note),
)
"""What JSON is read how, by its first characters, where a localised name says nothing."""

_SNIFFED_PAGE = 1 << 18
_HTML_LOOKS = re.compile(rb'<div class="outer-cell mdl-cell')
"""How a page of activity looks, below its long style sheet, whatever it is called."""


class Takeout(Archived):
    """Google Takeout.

    Read: mailboxes (message, and contact for correspondents), address books and the profile (contact), calendars (event), Chrome's bookmarks and
    saved lists (link), YouTube's liked videos and subscriptions (favorite), My Activity and YouTube's history (event), location history,
    timelines of phones, saved places and reviews (place), Keep (document).  All else is left alone: photos, Drive, Fit, Chat, devices.

    What a mailbox, address book or calendar holds has the keys and bodies that the readers of those formats give it.  The scope is the
    profile's account if that is in the takeout; it is never complete, since a person ticks products.
    """

    name: ClassVar[str] = "takeout"
    types: ClassVar[tuple[str, ...]] = ("message", "contact", "event", "link", "favorite", "place", "document")
    title: ClassVar[str] = "Google Takeout"
    patterns: ClassVar[tuple[str, ...]] = (
        *("takeout*.zip", "takeout*.tgz", "*takeout-*.zip", "*takeout-*.tgz", "Takeout/*"),
        *("*My Activity.json", "*Location History/*.json", "Records.json", "Location History.json", "*watch-history.json"),
    )

    def read(self, archive: Archive) -> Iterator[Found]:
        mail = Mail()
        with Parts(archive) as parts:
            yield from parts.problems
            is_takeout = bool(parts.problems)
            for member in parts.matching(_PROFILE):
                yield from _guarded(profile, member)
            for member in parts.members:
                try:
                    reader = _reader(member, mail)
                except Fatal as error:
                    yield Problem(member.label, "file", str(error))
                    continue
                if reader:
                    is_takeout = True
                    yield from _guarded(reader, member)
                is_takeout = is_takeout or "takeout" in member.label.casefold() or bool(_PROFILE.search(member.path))
        if not is_takeout:
            raise Fatal(
                "there is no Google Takeout here: no mail, contacts, calendars, bookmarks, YouTube, locations, activity or Keep was found"
            )

    def map(self, type: str, body: Body) -> Body | None:
        if type == "contact":
            return _map_contact(body)
        if type == "event":
            return component_fields(body) if "raw" in body and "kind" in body else map_activity(body)
        if type == "message":
            return map_mail(type, body)
        mapping = _MAPS.get(type)
        return mapping(body) if mapping else None


_MAPS: dict[str, Callable[[Body], Body | None]] = {
    "link": map_link,
    "favorite": map_favorite,
    "place": map_place,
    "document": map_note,
}


def _map_contact(body: Body) -> Body | None:
    if "properties" in body:
        return card_fields(body)
    return map_profile(body) if "emails" in body else map_mail("contact", body)


def _reader(member: Member, mail: Mail) -> Reader | None:
    """How a member is read, or None if it is not ours.  Raises Fatal if one has to look into it and cannot."""
    path = member.path
    if _FOREIGN.search(path):
        return None
    if path.endswith(".mbox"):
        return lambda one: _mailbox(one, mail)
    for pattern, reader in _NAMED:
        if pattern.search(path):
            return reader
    if path.endswith(".json") and not _PROFILE.search(path):
        with member.open() as file:
            start = file.read(_SNIFFED).decode("utf-8", "replace").removeprefix("\ufeff")
        return next((reader for pattern, reader in _LOOKS if pattern.search(start)), None)
    if path.endswith(".html"):
        with member.open() as file:
            return _html if _HTML_LOOKS.search(file.read(_SNIFFED_PAGE)) else None
    return None


def _mailbox(member: Member, mail: Mail) -> Iterator[Found]:
    with member.open() as file:
        yield from mailbox(file, member.label, mail)


def _guarded(reader: Reader, member: Member) -> Iterator[Found]:
    """One damaged file does not end the others."""
    try:
        yield from reader(member)
    except Fatal as error:
        yield Problem(member.label, "file", str(error))
