"""
What a streamer may say, and that a name is used once: decided inside the write lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from locker.account import Identity
from locker.locker import Sight, Write
from locker.record import Body

from ._stream_continuation import shown
from ._stream_rules import PLATFORMS, Wrong, is_web, word
from ._stream_tail import Tail
from ._stream_writes import standing

CHARACTERS = 255
PROFILES = {
    "TikTok": "https://www.tiktok.com/@{}",
    "Twitch": "https://www.twitch.tv/{}",
    "Instagram": "https://www.instagram.com/{}",
    "YouTube": "https://www.youtube.com/@{}",
    "Facebook": "https://www.facebook.com/{}",
}


@dataclass(slots=True)
class Names:
    """Who has which name, in any letter case; fed from the log, inside the lock."""

    _by_name: dict[str, int] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    _tail: Tail = field(default_factory=Tail)

    def check(self, sight: Sight, name: str, n: int | None = None) -> None:
        """Raise Wrong if somebody other than streamer *n* has the name."""
        fits, records = self._tail.read(sight, lambda: 1)
        if not fits:
            self._by_name.clear()
            self._names.clear()
        for record in records:
            self._by_name.pop(self._names.pop(record.n, ""), None)
            if record.body and not record.body.get("is_archived"):
                known = str(record.body.get("name", "")).casefold()
                self._names[record.n], self._by_name[known] = known, record.n
        if self._by_name.get(name.casefold(), n) != n:
            raise Wrong("Name has already been taken")


def adding(names: Names, said: Body, who: Identity) -> Callable[[Sight], Write]:
    """Add a streamer.  Raises Wrong at once for what is wrong with it, or when it is decided if the name is taken."""
    given = checked(said, is_new=True)

    def add(sight: Sight) -> Write:
        names.check(sight, given["name"])
        now = shown(sight.now)
        made = {"posted_by": who.account.name, "accounts": [], **given, "is_archived": False, "user_id": who.account.number}
        return Write({**made, "created_at": now, "updated_at": now})

    return add


def editing(names: Names, n: int, said: Body, who: Identity) -> Callable[[Sight], Write]:
    """Change what a request says of a streamer; accounts are given whole."""
    given = checked(said, is_new=False)

    def edit(sight: Sight) -> Write:
        old = standing(sight, n, who)
        if "name" in given:
            names.check(sight, given["name"], n)
        patch = {key: value for key, value in given.items() if old.get(key) != value}
        return Write(patch | {"updated_at": shown(sight.now)} if patch else {}, n)

    return edit


def checked(said: Mapping[str, Any], *, is_new: bool) -> Body:
    """What a request says of a streamer, spelled our way.  Raises Wrong with everything that is wrong."""
    wrong: list[str] = []
    found: Body = {}
    if "name" in said or is_new:
        name = said.get("name")
        if name is None or (isinstance(name, str) and not name.strip()):
            wrong.append("Name can't be blank")
        elif not isinstance(name, str):
            wrong.append("Name must be text")
        elif len(name.strip()) > CHARACTERS:
            wrong.append(f"Name is too long (maximum is {CHARACTERS} characters)")
        else:
            found["name"] = name.strip()
    for key in ("notes", "posted_by"):
        if key in said and not isinstance(said[key], str | None):
            wrong.append(f"{key.replace('_', ' ').capitalize()} must be text")
        elif key in said:
            found[key] = said[key]
    if said.get("accounts") is not None:
        found["accounts"] = _accounts(said["accounts"], wrong)
    if wrong:
        raise Wrong(*wrong)
    return {key: value for key, value in found.items() if value is not None} if is_new else found


def _accounts(said: object, wrong: list[str]) -> list[Body]:
    if not isinstance(said, list):
        wrong.append("Accounts must be an array")
        return []
    found: dict[tuple[str, str], Body] = {}
    for place, account in enumerate(said, 1):
        try:
            made = _account(account)
        except Wrong as error:
            wrong += [f"Account {place}: {sentence}" for sentence in error.sentences]
            continue
        if found.setdefault((made["platform"], made["username"]), made) is not made:
            wrong.append(f"Account {place}: Username has already been taken at {made['platform']}")
    return list(found.values())


def _account(said: object) -> Body:
    """One account.  Raises Wrong."""
    if not isinstance(said, dict):
        raise Wrong("must be a JSON object with platform and username")
    wrong: list[str] = []
    platform, username, url = word("platform", said.get("platform")), said.get("username"), said.get("profile_url")
    if platform is None:
        wrong.append(f"Platform is not one of {', '.join(PLATFORMS)}")
    if not isinstance(username, str) or not 0 < len(username.strip().lstrip("@")) <= CHARACTERS:
        wrong.append(f"Username must have 1 to {CHARACTERS} characters")
    if url is not None and not (isinstance(url, str) and is_web(url)):
        wrong.append("Profile url must be a valid HTTP or HTTPS URL")
    if not isinstance(said.get("is_active", True), bool):
        wrong.append("Is active must be true or false")
    if wrong or platform is None or not isinstance(username, str):
        raise Wrong(*wrong)
    name = username.strip().lstrip("@").lower()
    made: Body = {"platform": platform, "username": name, "is_active": said.get("is_active", True)}
    address = url or (PROFILES[platform].format(name) if platform in PROFILES else None)
    return made | ({"profile_url": address} if address else {})
