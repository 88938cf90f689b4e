"""
A commons full of streams, posted by some people in the days before, and those people's accounts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from locker.locker import Draft, Locker
from locker.record import Body

PEOPLE = 8
PASSWORD = "correct horse battery staple"
PLATFORMS = {"Twitch": "www.twitch.tv", "YouTube": "www.youtube.com", "TikTok": "www.tiktok.com", "Facebook": "www.facebook.com"}
CITIES = ("Austin", "Boston", "Chicago", "Denver", "Portland")
PINNED_EVERY, ARCHIVED_EVERY = 997, 20
PAGE = 1000
COMMONS = "commons"


def email(number: int) -> str:
    """The address of one of the people, counted from 0."""
    return f"person{number}@example.com"


def stream(n: int, moment: datetime, users: list[int]) -> Body:
    """The n-th stream: one in ten is live, most are offline, some are pinned, some archived."""
    platform, host = list(PLATFORMS.items())[n % 7 % len(PLATFORMS)]
    at = f"{moment:%Y-%m-%dT%H:%M:%S}.{n % 1000:03d}Z"
    return {
        "source": f"streamer {n * 7919 % 100_003}",
        "link": f"https://{host}/channel{n}",
        "status": "live" if n % 10 == 0 else "unknown" if n % 10 < 3 else "offline",
        "platform": platform,
        "kind": "stream",
        "city": CITIES[n % len(CITIES)],
        "title": f"walking through {CITIES[n % len(CITIES)]}, part {n}",
        "posted_by": email(n % PEOPLE),
        "is_pinned": n % PINNED_EVERY == 0,
        "is_archived": n % ARCHIVED_EVERY == 1,
        "user_id": users[n % len(users)],
        **dict.fromkeys(("created_at", "updated_at", "last_checked_at"), at),
    }


def streams(count: int, users: list[int], until: datetime) -> Iterator[Body]:
    """So many, one a second, the last one at *until*."""
    return (stream(n, until - timedelta(seconds=count - n), users) for n in range(count))


def fill(data: Path, keys: Path, count: int) -> dict[int, Body]:
    """Make a locker with so many streams; its users by number.  What is in it happened yesterday: nobody continues it."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with Locker(data, keys=keys, clock=lambda: yesterday) as locker:
        asyncio.run(_sign_up(locker))
        people = {person.number: person.as_user() for person in locker.accounts.people()}
        page: list[Draft] = []
        for n, body in enumerate(streams(count, list(people), yesterday)):
            page.append(Draft.of("stream/bench", f"{n}", body, by="u1"))
            if len(page) == PAGE or n == count - 1:
                locker.logbook.append(COMMONS, "bench", page)
                page = []
        locker.catch_up()
    return people


async def _sign_up(locker: Locker) -> None:
    for number in range(PEOPLE):
        await locker.accounts.sign_up(email(number), PASSWORD)
