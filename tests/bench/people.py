"""
The data of the benches: people, messages and photos that are made from a number alone, so that every run and every peer has the same.

A larger locker has more correspondents, not more mails from each, so that answers are of the same size at every scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from locker.record import Body

GIVEN = [
    "Ada",
    "Alan",
    "Anita",
    "Barbara",
    "Bjarne",
    "Clara",
    "Dennis",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "Guido",
    "Hedy",
    "Ivan",
    "Jason",
    "Jeremie",
    "Katherine",
    "Ken",
    "Leslie",
    "Linus",
]
FAMILY = [
    "Allen",
    "Babbage",
    "Cavnar",
    "Dijkstra",
    "Engelbart",
    "Goldberg",
    "Hamilton",
    "Hopper",
    "Johnson",
    "Kay",
    "Knuth",
    "Lamport",
    "Liskov",
    "Lovelace",
    "Miller",
    "Perlman",
]
COMPANIES = ["Analytical Engines", "Singly", "Bell", "Parc", "Hashable", "Lincoln Works", "Mercury", "Telehash", "Xanadu", "Whirlwind"]
CITIES = [
    ("San Francisco", "CA"), ("Oakland", "CA"), ("Los Angeles", "CA"), ("Cascade", "IA"), ("Boulder", "CO"), ("Austin", "TX"),
    ("Houston", "TX"), ("Portland", "OR"), ("Seattle", "WA"), ("New York", "NY"), ("Buffalo", "NY"), ("Boston", "MA"),
    ("Chicago", "IL"), ("Denver", "CO"), ("Salem", "OR"), ("Miami", "FL"), ("Atlanta", "GA"), ("Newark", "NJ"),
]  # fmt: skip
WORDS = [
    "writes",
    "builds",
    "loves",
    "archives",
    "open",
    "data",
    "protocols",
    "and",
    "the",
    "web",
    "at",
    "night",
    "a",
    "garden",
    "of",
    "small",
    "programs",
    "old",
    "machines",
    "letters",
    "music",
    "bicycles",
    "mountains",
    "radio",
    "poems",
    "databases",
    "logs",
    "queries",
    "graphs",
    "maps",
    "history",
]
TAGS = ["singly", "work", "family", "travel", "receipts", "invoices", "news", "friends", "music", "bikes"]
EVENTS = ["Hashable Party", "Foo Camp", "Launch Day", "Locker Night", "Bike Ride", "Beach Picnic"]
RECEIVERS = 4


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many there are of what queries name, in a locker with *count* contacts and a tenth as many mails and photos."""

    count: int

    @property
    def senders(self) -> int:
        """Who write the mails: twenty each."""
        return max(2, self.count // 200)

    @property
    def tagged(self) -> int:
        """Who may be in a picture: sixteen pictures with each, in the first or the second place."""
        return max(2, self.count // 160)

    @property
    def rare(self) -> int:
        """One in so many contacts works with node.js: two hundred in all."""
        return max(2, self.count // 200)


def pick(n: int, salt: int, count: int) -> int:
    """One of *count* numbers, spread evenly over n, differently for every salt."""
    return ((n + 1) * 2654435761 + salt * 0x9E3779B97F4A7C15 >> 15) % 0xFFFFFFFB % count


def contact(n: int, rare: int = 50) -> Body:
    """A person with two e-mail addresses of their own, an address, an age and a bio; one in *rare* works with node.js."""
    given, family = GIVEN[pick(n, 1, len(GIVEN))], FAMILY[pick(n, 2, len(FAMILY))]
    city, state = CITIES[pick(n, 3, len(CITIES))]
    words = [WORDS[pick(n, 20 + place, len(WORDS))] for place in range(12)]
    if pick(n, 4, rare) == 0:
        words[5] = "node.js"
    return {
        "name": f"{given} {family}",
        "given_name": given,
        "family_name": family,
        "organization": COMPANIES[pick(n, 5, len(COMPANIES))],
        "emails": [f"{given}.{family}.{n}@example.com".lower(), f"person{n}@mail.example"],
        "address": [
            {"street": f"{pick(n, 6, 900) + 1} Main Street", "city": city, "state": state, "postal_code": f"{pick(n, 7, 90000) + 10000}"}
        ],
        "age": 14 + pick(n, 8, 70),
        "bio": f"{given} {' '.join(words)}.",
        "updated": day(n),
    }


def message(n: int, crowd: Crowd) -> Body:
    """A mail from one of many to one of few, sometimes with a tag."""
    return {
        "from": sender(pick(n, 1, crowd.senders)),
        "to": [receiver(pick(n, 2, RECEIVERS))],
        "subject": f"{WORDS[pick(n, 3, len(WORDS))]} {WORDS[pick(n, 4, len(WORDS))]} {n}",
        "text": " ".join(WORDS[pick(n, 30 + place, len(WORDS))] for place in range(30)),
        "tag": [TAGS[pick(n, 5, 4)]],
        "message_id": f"<{n}@mail.example>",
        "sent": day(n),
    }


def photo(n: int, crowd: Crowd) -> Body:
    """A picture of two people at some event."""
    return {
        "url": f"https://photos.example/{n}.jpg",
        "title": f"Picture {n}",
        "tagged": [full_name(pick(n, 1, crowd.tagged)), full_name(pick(n, 2, crowd.tagged))],
        "event": EVENTS[pick(n, 3, len(EVENTS))],
        "width": 1600,
        "height": 1200,
        "taken": day(n),
    }


def sender(number: int) -> str:
    """One of those who write."""
    return f"{GIVEN[number % len(GIVEN)]}{number}@singly.example".lower()


def receiver(number: int) -> str:
    """One of the owner's own addresses."""
    return f"owner{number}@example.com"


def full_name(number: int) -> str:
    """Somebody who may be in a picture."""
    return f"{GIVEN[number % len(GIVEN)]} {FAMILY[number // len(GIVEN) % len(FAMILY)]} {number}"


def day(n: int) -> str:
    """A moment between 2001 and 2025."""
    return f"20{pick(n, 9, 25) + 1:02}-{pick(n, 10, 12) + 1:02}-{pick(n, 11, 28) + 1:02}T{pick(n, 12, 24):02}:{pick(n, 13, 60):02}:00Z"


def contacts(count: int) -> Iterator[Body]:
    """Lines of a file of contacts."""
    return ({"type": "contact", "key": f"{n}", "body": contact(n)} for n in range(count))


def mixed(count: int) -> Iterator[Body]:
    """Lines of a file for queries: contacts, and a tenth as many messages and photos each."""
    crowd = Crowd(count)
    for n in range(count):
        yield {"type": "contact", "key": f"{n}", "body": contact(n, crowd.rare)}
        if n % 10 == 0:
            yield {"type": "message/imap", "key": f"m{n}", "body": message(n, crowd)}
            yield {"type": "photo", "key": f"p{n}", "body": photo(n, crowd)}


def write(path: Path, lines: Iterable[Body]) -> Path:
    """An NDJSON file of these lines."""
    with path.open("wb") as file:
        for line in lines:
            file.write(orjson.dumps(line) + b"\n")
    return path
