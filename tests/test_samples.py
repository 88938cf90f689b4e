"""The sample archives: each is read whole by the connector that its README names, and they answer what the tour asks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from locker import plugin, term
from locker.connector import Archive, Archived, Item, Problem
from locker.record import Body

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
EXPECTED: dict[str, tuple[str, dict[str, int]]] = {
    "mail.mbox": ("mbox", {"message": 12, "contact": 10}),
    "contacts.vcf": ("vcard", {"contact": 12}),
    "bookmarks.html": ("bookmarks", {"link": 15}),
    "calendar.ics": ("icalendar", {"event": 4}),
    "feed.xml": ("feed", {"article": 3}),
    "subscriptions.opml": ("feed", {"link": 4}),
    "twitter": ("twitter-archive", {"post": 5, "favorite": 3, "contact": 7, "message": 2}),
    "people.ndjson": ("json", {"contact": 12}),
    "imap.ndjson": ("json", {"message/imap": 8}),
    "photos.ndjson": ("json", {"photo/album": 8}),
}


def connector(file: str) -> Archived:
    """The connector that reads a sample, with the options that the tour gives it."""
    found = plugin.connectors()[EXPECTED[file][0]]
    assert isinstance(found, Archived)
    mapping = SAMPLE / f"{Path(file).stem}.map.json"
    return found.options({"mapping": str(mapping)}) if mapping.exists() else found


def items(file: str) -> list[Item]:
    """Everything in a sample; a problem with it fails the test."""
    with Archive(SAMPLE / file) as archive:
        found = list(connector(file).read(archive))
    assert [] == [each for each in found if isinstance(each, Problem)]
    return [each for each in found if isinstance(each, Item)]


def bodies(file: str) -> list[Body]:
    """The canonical bodies of a sample."""
    reader = connector(file)
    return [body for item in items(file) if item.body is not None and (body := reader.map(item.type.partition("/")[0], item.body))]


@pytest.mark.parametrize("file", EXPECTED)
def test_samples_are_read_whole(file: str) -> None:
    """Each sample holds what its README says, and every document of it becomes an object."""
    found = items(file)
    assert EXPECTED[file][1] == dict(Counter(item.type for item in found))
    assert len(found) == len(bodies(file))
    assert f"`{file}" in (SAMPLE / "README.md").read_text()


@pytest.mark.parametrize(
    ("file", "query", "names"),
    [
        (
            "imap.ndjson",
            "[to:'rand.fitzpatrick@gmail.com', (from:'jason@singly.com' OR from:'jasoncavnar@gmail.com'), tag:'singly']",
            ["Service types, first draft", "Re: Service types, first draft", "Slides for Saturday"],
        ),
        (
            "photos.ndjson",
            "[(tagged:'Jason Cavnar' OR tagged:'Jeremie Miller'), event:'Hashable Party']",
            ["Arrivals", "By the record player", "Group, slightly out of focus"],
        ),
        (
            "people.ndjson",
            "[age:21+., address.state:'CA', bio:'node.js']",
            ["Mara Delgado", "Theo Lindqvist", "Priya Raman", "Wren Abernathy", "Lukas Weber"],
        ),
    ],
)
def test_samples_answer_the_sample_calls(file: str, query: str, names: list[str]) -> None:
    """The three sample calls find several things each, and leave some out."""
    wanted = term.parse(query).term
    every = bodies(file)
    found = [body.get("name") or body.get("subject") or body.get("title") for body in every if wanted.matches(body, {"bio": "text"})]
    assert names == found
    assert len(found) < len(every)


def test_people_are_in_several_samples() -> None:
    """The same addresses are in the card file, the mail and the home-made address book, so that collections have something to merge."""
    addresses = {
        file: {address for body in bodies(file) for address in body.get("emails", ())}
        for file in ("contacts.vcf", "mail.mbox", "people.ndjson")
    }
    assert {"mara.delgado@example.org", "theo@example.org", "priya.raman@example.net"} <= set.intersection(*addresses.values())
