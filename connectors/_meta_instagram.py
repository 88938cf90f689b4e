"""
Keys and canonical fields of what stands in an Instagram export since 2020.  All of it takes mended bodies.
"""

from __future__ import annotations

import re
from typing import Any

from locker.connector import Body

from ._loose import known, objs
from ._meta import basename, digest, labels, link, part, text
from ._moment import moment

_HASHTAG = re.compile(r"(?<!\w)#(\w+)")
_MENTION = re.compile(r"(?<![\w@])@([A-Za-z0-9_](?:[A-Za-z0-9_.]*[A-Za-z0-9_])?)")
_USER = re.compile(r"instagram\.com/(?:_u/)?([A-Za-z0-9_.]+)/?$")


def said(body: Body) -> Body:
    """``string_map_data`` or ``label_values`` as name -> text, link or time: ``{"Username": "ada", "Time": 1600000000}``."""
    given = body.get("string_map_data")
    mapped = {name: _value(one) for name, one in given.items()} if isinstance(given, dict) else {}
    return {name: value for name, value in mapped.items() if value} or labels(body)


def contact_key(body: Body) -> str:
    """A user's name; for an entry of the phone's address book its ways to reach somebody."""
    listed = _first(body)
    user = _user(body)
    return f"user:{user}:{listed.get('timestamp') or ''}" if user else f"address:{digest(said(body))}"


def post_key(body: Body) -> str:
    """``fbid``, or kind, time and content."""
    kind = "comment" if _comment(body) else "post"
    if body.get("fbid"):
        return f"{kind}:{body['fbid']}"
    files = sorted(filter(None, (basename(one.get("uri")) for one in media(body))))
    return f"{kind}:{_time(body) or ''}:{digest(_words(body), files)}"


def favorite_key(body: Body) -> str:
    """What was liked or saved: its address; where there is none, its author and the time."""
    url = _url(body)
    return f"{_kind(body) or 'favorite'}:{url or body.get('fbid') or ''}" + ("" if url else f":{_time(body) or ''}:{_author(body) or ''}")


def media(body: Body) -> list[Body]:
    """The pictures and videos of a post as given; an entry of ``stories`` is one itself."""
    if isinstance(body.get("uri"), str):
        return [body]
    nested = [inner for one in objs(body.get("label_values")) for inner in objs(one.get("media"))]
    return [one for one in [*objs(body.get("media")), *nested] if isinstance(one.get("uri"), str)]


def map_contact(body: Body) -> Body | None:
    """A follower, somebody followed, an entry of the address book, or the owner's profile."""
    about = said(body)
    if "string_list_data" not in body and not _user(body) and not about:
        return None
    user = _user(body) or text(about.get("Username"))
    reach = [one for one in (text(about.get(name)) for name in ("Email", "Contact Information", "Phone Number")) if one]
    given, family = text(about.get("First Name")), text(about.get("Last Name"))
    return known(
        name=text(about.get("Name")) or " ".join(filter(None, [given, family])) or user,
        given_name=given,
        family_name=family,
        handles=[f"instagram:{user.lower()}"] if user else [],
        emails=[one.lower() for one in reach if "@" in one],
        phones=[one for one in reach if "@" not in one],
        urls=[one for one in [_profile_url(body, user), link(about.get("Website"))] if one],
        bio=text(about.get("Bio")),
        gender=text(about.get("Gender")),
        birthday=_day(about.get("Date of birth") or about.get("Date Of Birth")),
    )


def map_post(body: Body) -> Body | None:
    """A post, story, reel or comment."""
    words = _words(body)
    return known(
        url=link(said(body).get("URL")),
        text=words,
        created=moment(_time(body)),
        tag=list(dict.fromkeys(_HASHTAG.findall(words or ""))),
        mentions=list(dict.fromkeys(_MENTION.findall(words or ""))),
        photos=[uri for uri in (text(one.get("uri")) for one in media(body)) if uri],
        reply_author=text(said(body).get("Media Owner")) if _comment(body) else None,
        kind="comment" if _comment(body) else "story" if "uri" in body else None,
    )


def map_favorite(body: Body) -> Body | None:
    """Something liked or saved."""
    about = said(body)
    author = _author(body)
    return known(
        url=_url(body),
        title=text(about.get("Caption")) or (f"Instagram: {author}" if author else None),
        description=text(about.get("Caption")),
        author=author,
        kind=_kind(body),
        created=moment(_time(body)),
    )


def _value(one: Any) -> Any:
    return (one.get("value") or one.get("href") or one.get("timestamp")) if isinstance(one, dict) else None


def _first(body: Body) -> Body:
    return next(iter(objs(body.get("string_list_data"))), {})


def _user(body: Body) -> str | None:
    """Exports before 2025 have the name as the value, later ones as the title; the address has it always."""
    listed = _first(body)
    found = _USER.search(listed["href"]) if isinstance(listed.get("href"), str) else None
    if "string_list_data" not in body:
        return None
    return text(listed.get("value")) or text(body.get("title")) or (found[1] if found else None)


def _profile_url(body: Body, user: str | None) -> str | None:
    return link(_first(body).get("href")) or (f"https://www.instagram.com/{user}" if user else None)


def _comment(body: Body) -> str | None:
    return text(said(body).get("Comment")) if "string_map_data" in body or "label_values" in body else None


def _words(body: Body) -> str | None:
    """The caption: the post's title, or with one picture that picture's."""
    about = said(body)
    own = _comment(body) or text(body.get("title")) or text(about.get("Caption"))
    return own or next(filter(None, (text(one.get("title")) for one in media(body))), None)


def _time(body: Body) -> Any:
    """Seconds since 1970 of an entry, wherever it says so."""
    mapped = body.get("string_map_data")
    times = [part(one, "timestamp") for one in mapped.values()] if isinstance(mapped, dict) else []
    pictures = [one.get("creation_timestamp") for one in media(body)]
    given = [body.get("creation_timestamp"), body.get("timestamp"), _first(body).get("timestamp"), *times, *pictures]
    return next((one for one in given if one), None)


def _url(body: Body) -> str | None:
    mapped = body.get("string_map_data")
    hrefs = [part(one, "href") for one in mapped.values()] if isinstance(mapped, dict) else []
    return next(filter(None, map(link, [_first(body).get("href"), *hrefs, labels(body).get("URL")])), None)


def _author(body: Body) -> str | None:
    return text(body.get("title")) or text(labels(body).get("Username"))


def _kind(body: Body) -> str | None:
    """Liked entries are lists of links, saved ones maps; the newest layout does not tell."""
    if "string_map_data" in body:
        return "saved"
    return "like" if "string_list_data" in body else None


def _day(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else None
