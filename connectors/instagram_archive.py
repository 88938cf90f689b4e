"""
Reads what Instagram gives as "Download your information" in JSON: the few files of 2018 and 2019, and the folders since 2020.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import ClassVar

from locker.connector import Archive, Archived, Body, Found, Item, Problem, Scope
from locker.error import Fatal

from ._json_members import mended
from ._meta import entries, listed, mend, part, text
from ._meta_instagram import contact_key, favorite_key, map_contact, map_favorite, map_post, media, post_key, said
from ._meta_instagram_2019 import CONVERSATIONS, LISTS, PROFILE, conversations, lists, map_conversation, map_listed, profile
from ._meta_messages import THREADS, loose, map_message, messages
from ._meta_photos import map_photo, photo
from ._parts import Parts

_PROFILE = re.compile(r"/personal_information/(.*/)?(personal_information|account_information)\.json$|^/personal_information\.json$")
_CONTACTS = re.compile(r"/(followers(_\d+)?|following|synced_contacts)\.json$")
_POSTS = re.compile(r"/(posts(_\d+)?|archived_posts|reels|igtv_videos|stories)\.json$")
_PORTRAITS = re.compile(r"/profile_photos\.json$")
_COMMENTS = re.compile(r"/(post_comments(_\d+)?|reels_comments|live_comments)\.json$")
_FAVORITES = re.compile(r"/(liked_posts|liked_comments|saved_posts|story_likes)(_\d+)?\.json$")
_FACEBOOK = re.compile(r"/(facebook-[^/]*|your_facebook_activity)/|/facebook-[^/]*\.zip/")
_HTML = re.compile(r"/(posts_\d+|message_\d+|followers_\d+|following|liked_posts|personal_information)\.html$")


class InstagramArchive(Archived):
    """Instagram's JSON export.

    Read: the profile, followers, following and synced contacts (contact); posts, archived posts, reels, stories and comments (post) with their
    pictures (photo); liked posts, comments and stories, saved posts (favorite); conversations (message).  Videos are named by their
    posts.  Ads, logins, searches, devices and settings are left alone.

    Keys: the user name for contacts, the address for likes, else time with a digest of the words and file names.  The scope is the
    profile's account, never complete: an export covers the categories and years that somebody ticked, and does not say which.
    """

    name: ClassVar[str] = "instagram-archive"
    types: ClassVar[tuple[str, ...]] = ("post", "message", "contact", "photo", "favorite")
    title: ClassVar[str] = "Instagram (download of your information, JSON)"
    patterns: ClassVar[tuple[str, ...]] = (
        *(
            "*instagram*.zip",
            "*your_instagram_activity/*.json",
            "*content/posts_*.json",
            "*followers_and_following/*.json",
            "*liked_posts.json",
        ),
        *("media.json", "connections.json", "messages.json", "likes.json"),
    )

    def read(self, archive: Archive) -> Iterator[Found]:
        with Parts(archive, _FACEBOOK) as parts:
            yield from parts.problems
            files = (_PROFILE, _CONTACTS, _POSTS, _PORTRAITS, _COMMENTS, _FAVORITES, THREADS, LISTS, PROFILE, CONVERSATIONS)
            if not any(parts.matching(*files)):
                yield from _otherwise(parts)
                return
            yield from self._profile(parts)
            yield from profile(parts)
            yield from lists(parts)
            yield from listed(parts, _CONTACTS, "contact", contact_key)
            yield from self._posts(parts)
            yield from listed(parts, _COMMENTS, "post", post_key)
            yield from listed(parts, _FAVORITES, "favorite", favorite_key)
            yield from conversations(parts)
            yield from messages(parts)

    def map(self, type: str, body: Body) -> Body | None:
        if type == "message":
            return map_conversation(body) if "conversation" in body else map_message(body)
        given = mend(mended(body))
        if (older := map_listed(type, given)) is not None:
            return older
        mapping = _MAPS.get(type)
        return mapping(given) if mapping else None

    def _profile(self, parts: Parts) -> Iterator[Found]:
        for member in parts.matching(_PROFILE):
            for found in entries(member):
                if isinstance(found, Problem):
                    yield found
                    continue
                account = text(part(said(mend(found.value)), "Username"))
                if account:
                    yield Scope(f"account:{account}")
                    yield Item("contact", f"profile:{account}", found.body)

    def _posts(self, parts: Parts) -> Iterator[Found]:
        """Posts with their pictures; a picture is told once."""
        seen: set[str] = set()
        for member in parts.matching(_POSTS):
            for found in entries(member):
                if isinstance(found, Problem):
                    yield found
                    continue
                yield Item("post", post_key(mend(found.value)), found.body)
                for one in media(found.value):
                    yield from photo({"photo": one} if one is found.value else {"photo": one, "post": _around(found.value)}, seen)
        for member in parts.matching(_PORTRAITS):
            for found in entries(member):
                yield from [found] if isinstance(found, Problem) else photo({"photo": found.value}, seen)


_MAPS: dict[str, Callable[[Body], Body | None]] = {
    "contact": map_contact,
    "post": map_post,
    "favorite": map_favorite,
    "photo": map_photo,
}


def _around(post: Body) -> Body:
    return {name: post[name] for name in ("title", "creation_timestamp") if name in post}


def _otherwise(parts: Parts) -> Iterator[Found]:
    """What to say, or still to try, when no file is where Instagram puts it."""
    if page := next(parts.matching(_HTML), None):
        yield Problem(page.label, "", "this export is HTML, made for reading; ask Instagram for the same download in JSON format")
        return
    nothing = True
    for found in loose(parts):
        nothing = nothing and isinstance(found, Problem)
        yield found
    if nothing and not parts.problems:
        raise Fatal("there is no Instagram export here: none of posts, messages, followers, likes was found as JSON")
