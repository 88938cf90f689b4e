"""
Instagram's exports of 2018 and 2019: a dozen files at the top, with lists of lists and ISO times.

A body is one entry in the shape of its file: ``{"media_likes": ["2018-10-01T09:00:00", "ada"]}``, ``{"followers": {"ada": "2018-…"}}``,
``{"photos": {"caption", "taken_at", "path"}}``, and for messages ``{"participants": [...], "conversation": {"sender", "created_at", "text"}}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from locker.connector import Body, Found, Item, Problem, Scope

from ._json_members import Element, elements, mended
from ._loose import known
from ._meta import basename, digest, link, mend, text
from ._meta_photos import map_photo, photo
from ._moment import moment
from ._parts import Parts

LISTS = re.compile(r"/(media|likes|comments|saved|connections)\d*\.json$")
PROFILE = re.compile(r"/profile\.json$")
CONVERSATIONS = re.compile(r"/messages\.json$")

_POSTS = ("photos", "videos", "stories")
_FAVORITES = {"media_likes": "like", "comment_likes": "like", "saved_media": "saved"}
_COMMENTS = ("media_comments", "live_comments", "reels_comments")
_PEOPLE = ("followers", "following")


def profile(parts: Parts) -> Iterator[Found]:
    """The owner, and the account as the scope of all that follows."""
    for member in parts.matching(PROFILE):
        for found in elements(member.archive, member.name):
            if isinstance(found, Problem):
                yield replace(found, file=member.label)
            elif isinstance(found.value, dict) and (user := text(found.value.get("username"))):
                yield Scope(f"account:{user}")
                yield Item("contact", f"profile:{user}", {"profile": found.body})


def lists(parts: Parts) -> Iterator[Found]:
    """Everything but the profile and the conversations."""
    seen: set[str] = set()
    wanted = {*_POSTS, *_FAVORITES, *_COMMENTS, *_PEOPLE}
    for member in parts.matching(LISTS):
        for found in elements(member.archive, member.name, wanted.__contains__):
            if isinstance(found, Problem):
                yield replace(found, file=member.label)
            elif items := list(_items(found, seen)):
                yield from items
            elif found.value not in ({}, None):
                yield Problem(member.label, found.place, f"not an entry of {found.name or 'this file'} as we know them")


def _items(found: Element, seen: set[str]) -> Iterator[Item]:
    name, value = found.name, found.value
    if name in _POSTS and isinstance(value, dict):
        yield Item("post", f"post:{value.get('taken_at') or ''}:{basename(value.get('path')) or digest(value)}", {name: found.body})
        if name in ("photos", "stories"):
            yield from photo({"photo": value}, seen)
    elif name in _PEOPLE and isinstance(value, dict):
        for user, since in value.items():
            yield Item("contact", f"{name}:{user}", {name: {user: since}})
    elif name in _COMMENTS and isinstance(value, list) and len(value) > 1:
        yield Item("post", f"comment:{value[0]}:{digest(value[1:])}", {name: value})
    elif name in _FAVORITES and isinstance(value, list) and len(value) > 1:
        yield Item("favorite", f"{name}:{value[0]}:{digest(value[1:])}", {name: value})


def conversations(parts: Parts) -> Iterator[Found]:
    """Every message of ``messages.json``; a thread has no name but its participants."""
    for member in parts.matching(CONVERSATIONS):
        for found in elements(member.archive, member.name):
            if isinstance(found, Problem):
                yield replace(found, file=member.label)
                continue
            thread = mended(found.value) if isinstance(found.value, dict) else {}
            said = thread.get("conversation")
            if not isinstance(said, list):
                yield Problem(member.label, found.place, "expected a conversation: an object with participants and conversation")
                continue
            people = thread.get("participants")
            for number, one in enumerate(said, 1):
                if isinstance(one, dict):
                    content = {name: value for name, value in one.items() if name not in ("sender", "created_at", "likes")}
                    key = f"{_thread(people)}:{one.get('created_at') or ''}:{one.get('sender') or ''}:{digest(content)}"
                    yield Item("message", mend(key), {"participants": people, "conversation": one})
                else:
                    yield Problem(member.label, f"{found.place}, message {number}", "expected an object")


def map_conversation(body: Body) -> Body | None:
    """The canonical message."""
    given = mend(body)
    one = given.get("conversation")
    if not isinstance(one, dict):
        return None
    sender = text(one.get("sender"))
    shared = [text(one.get(name)) for name in ("media_share_url", "story_share", "link")]
    return known(
        from_=sender,
        from_name=sender,
        to=[name for name in _people(given.get("participants")) if name != sender],
        text="\n".join(filter(None, [text(one.get("text")), text(one.get("media_share_caption")), *shared])),
        sent=moment(one.get("created_at")),
        thread=_thread(given.get("participants")),
        attachments=[name for name in [basename(one.get("media"))] if name],
    )


def map_listed(type: str, body: Body) -> Body | None:
    """The canonical body of an entry of the old lists (mended), or None if it is none of these."""
    if len(body) != 1:
        return None
    name, value = next(iter(body.items()))
    if name in _POSTS and type == "post" and isinstance(value, dict):
        caption = text(value.get("caption"))
        shot = map_photo({"photo": value}) or {}
        where = {"photos": [value["path"]] if isinstance(value.get("path"), str) else [], "place": shot.get("place")}
        return known(text=caption, created=moment(value.get("taken_at")), kind="story" if name == "stories" else None, **where)
    if name in _COMMENTS and isinstance(value, list):
        return known(text=_at(value, 1), created=moment(_at(value, 0)), reply_author=_at(value, 2), kind="comment")
    if name in _FAVORITES and isinstance(value, list):
        author = _at(value, 1)
        title = f"Instagram: {author}" if author else None
        return known(author=author, title=title, kind=_FAVORITES[name], created=moment(_at(value, 0)))
    if name in _PEOPLE and isinstance(value, dict) and value:
        return _contact({"username": next(iter(value))})
    return _contact(value) if name == "profile" and isinstance(value, dict) else None


def _contact(about: Body) -> Body:
    user, email = text(about.get("username")) or "", text(about.get("email"))
    return known(
        name=text(about.get("name")) or user,
        handles=[f"instagram:{user.lower()}"],
        emails=[email.lower()] if email else [],
        phones=[phone] if (phone := text(about.get("phone_number"))) else [],
        urls=[one for one in [f"https://www.instagram.com/{user}", link(about.get("website"))] if one],
        bio=text(about.get("biography")),
        gender=text(about.get("gender")),
        photos=[one for one in [link(about.get("profile_pic_url"))] if one],
    )


def _at(values: list[Any], index: int) -> str | None:
    return text(values[index]) if len(values) > index else None


def _people(value: Any) -> list[str]:
    return [name for name in map(text, value) if name] if isinstance(value, list) else []


def _thread(people: Any) -> str:
    return ",".join(sorted(_people(people)))
