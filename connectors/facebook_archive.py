"""
Reads what Facebook gives as "Download your information" in JSON: one folder, one zip or several, of any layout since 2018.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar

from locker.connector import Archive, Archived, Body, Found, Item, Problem, Scope
from locker.error import Fatal

from ._json_members import elements, mended
from ._meta import basename, entries, listed, mend, part, text
from ._meta_facebook import contact_key, favorite_key, map_contact, map_favorite, map_post, pictures, post_key
from ._meta_messages import THREADS, loose, map_message, messages
from ._meta_photos import map_photo, photo
from ._parts import Member, Parts

_PROFILE = re.compile(r"/profile_information\.json$")
_CONTACTS = re.compile(r"/(your_)?friends\.json$|/your_address_books?\.json$")
_POSTS = re.compile(
    r"/posts/(your_posts|other_people)[^/]*\.json$|/your_posts(__check_ins__photos_and_videos)?_\d+\.json$|/notes\.json$|/archived_stories\.json$"
    r"|/comments(_\d+)?\.json$|/groups/(group_posts_and_comments|your_posts_and_comments_in_groups|your_comments_in_groups)[^/]*\.json$"
)
_ALBUMS = re.compile(r"/album/\d+\.json$")
_PHOTOS = re.compile(r"/(your_photos|your_uncategorized_photos)(_\d+)?\.json$")
_FAVORITES = re.compile(
    r"/likes_and_reactions/[^/]+\.json$|/comments_and_reactions/(posts_and_comments|likes_and_reactions)(_\d+)?\.json$"
    r"|/pages/(pages_you(_|')?ve_liked|your_liked_pages|liked_pages)\.json$|/your_saved_items\.json$"
)
_INSTAGRAM = re.compile(r"/(instagram-[^/]*|your_instagram_activity)/|/instagram-[^/]*\.zip/")
_HTML = re.compile(r"/(your_posts[^/]*|message_\d+|your_friends|friends|profile_information)\.html$")


class FacebookArchive(Archived):
    """Facebook's JSON export.

    Read: the profile, friends and address books (contact); posts, also those of others on the owner's timeline, group posts, notes, comments and archived stories (post); the pictures of
    posts, albums and uncategorised photos (photo); reactions, liked pages and saved items (favorite); conversations (message).
    Videos, check-ins, logins, advertisers and settings are left alone.

    Hardly anything in these files has an id.  Keys are ``fbid`` where there is one, else the time with a digest of the words, links and
    file names; folders are left out of keys, so that exports of different layouts meet.  The scope is the profile's account, never complete:
    an export covers the categories and years that somebody ticked, and does not say which.
    """

    name: ClassVar[str] = "facebook-archive"
    types: ClassVar[tuple[str, ...]] = ("post", "message", "contact", "photo", "favorite")
    title: ClassVar[str] = "Facebook (download of your information, JSON)"
    patterns: ClassVar[tuple[str, ...]] = (
        *("*facebook-*.zip", "*your_facebook_activity/*.json", "*posts/your_posts*.json", "*/friends.json", "*your_friends.json"),
        *("*profile_information.json", "*messages/*/message_*.json", "*likes_and_reactions*.json"),
    )

    def read(self, archive: Archive) -> Iterator[Found]:
        with Parts(archive, _INSTAGRAM) as parts:
            yield from parts.problems
            if not any(parts.matching(_PROFILE, _CONTACTS, _POSTS, _ALBUMS, _PHOTOS, _FAVORITES, THREADS)):
                yield from _otherwise(parts)
                return
            yield from self._profile(parts)
            yield from listed(parts, _CONTACTS, "contact", contact_key)
            yield from self._posts(parts)
            yield from listed(parts, _FAVORITES, "favorite", favorite_key)
            yield from messages(parts)

    def map(self, type: str, body: Body) -> Body | None:
        if type == "message":
            return map_message(body)
        mapping = _MAPS.get(type)
        return mapping(mend(mended(body))) if mapping else None

    def _profile(self, parts: Parts) -> Iterator[Found]:
        for member in parts.matching(_PROFILE):
            for found in _wholes(member):
                if isinstance(found, Problem):
                    yield found
                    continue
                profile = mend(found)
                account = text(profile.get("username")) or basename(profile.get("profile_uri")) or text(part(profile, "name", "full_name"))
                if account:
                    yield Scope(f"account:{account}")
                yield Item("contact", f"profile:{account or ''}", found)

    def _posts(self, parts: Parts) -> Iterator[Found]:
        """Posts with their pictures, then the pictures that are in no post; a picture is told once."""
        seen: set[str] = set()
        for member in parts.matching(_POSTS):
            for found in entries(member):
                if isinstance(found, Problem):
                    yield found
                    continue
                yield Item("post", post_key(mend(found.value)), found.body)
                yield from pictures(found.value, seen)
        for member in parts.matching(_ALBUMS):
            yield from _album(member, seen)
        for member in parts.matching(_PHOTOS):
            for found in entries(member):
                yield from [found] if isinstance(found, Problem) else photo({"photo": found.value}, seen)


_MAPS: dict[str, Callable[[Body], Body | None]] = {
    "contact": map_contact,
    "post": map_post,
    "favorite": map_favorite,
    "photo": map_photo,
}


def _wholes(member: Member) -> Iterator[Body | Problem]:
    """The profile is the one object in its file, under a name with a version."""
    for found in elements(member.archive, member.name, lambda name: name.startswith("profile")):
        if isinstance(found, Problem):
            yield replace(found, file=member.label)
        elif isinstance(found.value, dict) and found.name:
            yield found.body


def _album(member: Member, seen: set[str]) -> Iterator[Found]:
    about: Body = {}
    for found in elements(member.archive, member.name, {"name", "description"}.__contains__):
        if not isinstance(found, Problem) and isinstance(found.value, str):
            about[found.name] = found.value
    for found in elements(member.archive, member.name, lambda name: name == "photos"):
        if isinstance(found, Problem):
            yield replace(found, file=member.label)
        elif isinstance(found.value, dict):
            yield from photo({"album": about, "photo": found.value}, seen)
        else:
            yield Problem(member.label, found.place, f"expected a photo, found {type(found.value).__name__}")


def _otherwise(parts: Parts) -> Iterator[Found]:
    """What to say, or still to try, when no file is where Facebook puts it."""
    if page := next(parts.matching(_HTML), None):
        yield Problem(page.label, "", "this export is HTML, made for reading; ask Facebook for the same download in JSON format")
        return
    nothing = True
    for found in loose(parts):
        nothing = nothing and isinstance(found, Problem)
        yield found
    if nothing and not parts.problems:
        raise Fatal("there is no Facebook export here: none of posts, messages, friends, likes_and_reactions was found as JSON")
