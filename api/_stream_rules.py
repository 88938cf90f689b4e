"""
What a stream may say: its words and their spelling, where it is streamed, and what is wrong with one that somebody sent.

(Rules: decisions §6; shown to app developers in ``docs/streams.md``.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from locker.error import BrokenSchema
from locker.record import Body

STATUSES = ("live", "offline", "unknown")
PLATFORMS = ("TikTok", "Facebook", "Twitch", "YouTube", "Instagram", "Other")
ORIENTATIONS = ("portrait", "landscape")
KINDS = ("stream", "video", "web", "overlay", "background")
WORDS = {"status": STATUSES, "platform": PLATFORMS, "orientation": ORIENTATIONS, "kind": KINDS}
"""Fields that have one of some words, as they are spelled in answers; any letter case comes in."""

SAME = {"vertical": "portrait", "horizontal": "landscape"}
TEXTS = ("city", "state", "notes", "title", "posted_by")
HOSTS = {
    "tiktok.com": "TikTok",
    "facebook.com": "Facebook",
    "fb.watch": "Facebook",
    "fb.com": "Facebook",
    "twitch.tv": "Twitch",
    "youtube.com": "YouTube",
    "youtu.be": "YouTube",
    "instagram.com": "Instagram",
}
SOURCE_CHARACTERS, LINK_CHARACTERS = 255, 2048
_PORTS = {"http": 80, "https": 443}


class Wrong(BrokenSchema):
    """Everything that is wrong with what somebody sent, a sentence each."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(", ".join(sentences))
        self.sentences = sentences


def platform_of(link: str) -> str:
    """Where a link leads, by its host or the domain that the host is under; ``Other`` for every host that only looks like one of these.

    >>> platform_of("https://m.youtube.com/watch?v=x"), platform_of("https://youtube.com.example.org/")
    ('YouTube', 'Other')
    """
    parts = _split(link)
    labels = (parts.hostname or "").removesuffix(".").split(".") if parts else []
    domains = (".".join(labels[start:]) for start in range(len(labels)))
    return next((HOSTS[domain] for domain in domains if domain in HOSTS), "Other")


def same_link(link: str) -> str:
    """A link as it is compared: without http or https, ``www.``, a port that is the usual one, the last slashes and the part after ``#``.

    >>> same_link("HTTPS://www.Twitch.tv:443/Jason/")
    'twitch.tv/Jason'
    """
    parts = _split(link)
    if parts is None:
        return link.strip()
    host = (parts.hostname or "").removesuffix(".").removeprefix("www.")
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{port}{parts.path.rstrip('/')}{query}"


def is_web(link: str) -> bool:
    """Whether a text is a whole http or https address, in one reading only: what a browser would mend is none."""
    return _split(link) is not None and link.isprintable() and not any(character in link for character in ' \\"<>')


def word(field: str, value: object) -> str | None:
    """A field's word as it is spelled in answers; None if it is none of them."""
    if not isinstance(value, str):
        return None
    folded = value.strip().casefold()
    folded = SAME.get(folded, folded) if field == "orientation" else folded
    return next((known for known in WORDS[field] if known.casefold() == folded), None)


def checked(said: Mapping[str, Any], *, is_new: bool) -> Body:
    """What a request says of a stream, spelled our way; what it does not say is left out, a null in it means: none.

    Fields that a stream does not have, or that only we set, are ignored.  Raises Wrong.
    """
    wrong: list[str] = []
    found: Body = {}
    for field in ("source", "link"):
        if field in said or is_new:
            found[field] = _needed(field, said.get(field), wrong)
    for field in WORDS:
        if field in said:
            _put_word(field, said[field], found, wrong, is_new=is_new)
    for field in TEXTS:
        if field in said:
            if said[field] is not None and not isinstance(said[field], str):
                wrong.append(f"{_called(field)} must be text")
            found[field] = said[field]
    if wrong:
        raise Wrong(*wrong)
    return {field: value for field, value in found.items() if value is not None} if is_new else found


def _put_word(field: str, value: object, found: Body, wrong: list[str], *, is_new: bool) -> None:
    """A null or empty word: not said in a new stream, none in an edit; but a stream always has a status and a kind."""
    if value is None or value == "":
        if not is_new and field in ("status", "kind"):
            wrong.append(f"{_called(field)} can't be blank")
        found[field] = None
    elif (known := word(field, value)) is None:
        wrong.append(f"{_called(field)} {_shown(value)} is not one of {', '.join(WORDS[field])}")
    else:
        found[field] = known


def _needed(field: str, value: object, wrong: list[str]) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        wrong.append(f"{_called(field)} can't be blank")
    elif not isinstance(value, str):
        wrong.append(f"{_called(field)} must be text")
    elif field == "source" and len(value.strip()) > SOURCE_CHARACTERS:
        wrong.append(f"Source is too long (maximum is {SOURCE_CHARACTERS} characters)")
    elif field == "link" and not is_web(value.strip()):
        wrong.append("Link must be a valid HTTP or HTTPS URL")
    elif field == "link" and len(value.strip()) > LINK_CHARACTERS:
        wrong.append(f"Link is too long (maximum is {LINK_CHARACTERS} characters)")
    else:
        return value.strip()
    return None


def _called(field: str) -> str:
    return field.replace("_", " ").capitalize()


def _shown(value: object) -> str:
    return repr(value[:40]) if isinstance(value, str) else "must be text and"


def _split(link: str) -> SplitResult | None:
    try:
        parts = urlsplit(link.strip())
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None
