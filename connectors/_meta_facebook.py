"""
Keys and canonical fields of what stands in a Facebook export.  All of it takes mended bodies, but for ``pictures``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locker.connector import Body, Item

from ._loose import known, objs
from ._meta import basename, digest, labels, link, part, text
from ._meta_photos import names, photo, place
from ._moment import moment


def contact_key(body: Body) -> str:
    """Friends have a name and a day: two friends of one name stay two.  Entries of an address book have ways to reach them."""
    if "details" in body:
        return f"address:{text(body.get('name')) or ''}:{digest(_reach(body))}"
    name = text(body.get("name")) or text(labels(body).get("Name")) or ""
    return f"friend:{body.get('fbid') or name}:{body.get('timestamp') or ''}"


def post_key(body: Body) -> str:
    """``fbid``, or kind, time and content.  The title ("Ada updated her status") counts only if there is nothing else: it is translated."""
    kind = _kind(body) or "post"
    if body.get("fbid"):
        return f"{kind}:{body['fbid']}"
    content = [_words(body), _links(body), sorted(filter(None, map(basename, _uris(body))))]
    return f"{kind}:{body.get('timestamp') or _note(body).get('created_timestamp') or ''}:{digest(content if any(content) else body.get('title'))}"


def favorite_key(body: Body) -> str:
    """``fbid``, a page's address or name, or kind, time and content."""
    kind = "page" if _is_page(body) else "saved" if _is_saved(body) else "reaction"
    if body.get("fbid"):
        return f"{kind}:{body['fbid']}"
    if kind == "page":
        return f"page:{body.get('url') or text(body.get('name')) or ''}"
    return f"{kind}:{body.get('timestamp') or ''}:{digest(text(body.get('title')), _links(body), text(body.get('name')))}"


def pictures(post: Body, seen: set[str]) -> Iterator[Item]:
    """The pictures of a post as given, each with the post's tags, place and event."""
    around: Body = {"tags": post["tags"]} if post.get("tags") else {}
    for one in _attached(post):
        around.update({name: one[name] for name in ("place", "event") if isinstance(one.get(name), dict)})
    for media in _media(post):
        title = media.get("title")
        album = {"album": {"name": title}} if isinstance(title, str) and title and title != media.get("description") else {}
        yield from photo({**album, **around, "photo": media}, seen)


def map_contact(body: Body) -> Body | None:
    """A friend, an entry of an address book, or the owner's profile."""
    if isinstance(body.get("name"), dict):
        return _map_profile(body)
    reach = _reach(body)
    return known(
        name=text(body.get("name")) or text(labels(body).get("Name")),
        emails=[one.lower() for one in reach if "@" in one],
        phones=[one for one in reach if "@" not in one],
        updated=moment(body.get("updated_timestamp")),
    )


def map_post(body: Body) -> Body | None:
    """A post, a comment, a note or a story."""
    note, comment, said = _note(body), _comment(body), labels(body)
    updated = next((one["update_timestamp"] for one in objs(body.get("data")) if one.get("update_timestamp")), None)
    created = body.get("timestamp") or comment.get("timestamp") or note.get("created_timestamp")
    people = names(body.get("tags"))
    return known(
        url=link(said.get("URL")),
        text=_words(body),
        title=text(body.get("title")) if not note.get("title") else text(note["title"]),
        author=text(comment.get("author")),
        created=moment(created),
        updated=moment(updated or note.get("updated_timestamp")),
        mentions=people,
        links=_links(body),
        photos=[uri for uri in map(text, _uris(body)) if uri],
        place=next(filter(None, (place(one.get("place")) for one in _attached(body))), None),
        group=text(comment.get("group")),
        kind=_kind(body),
    )


def map_favorite(body: Body) -> Body | None:
    """A reaction (its kind is the reaction), a liked page or a saved item."""
    said = labels(body)
    reaction = text(said.get("Reaction")) or next(
        filter(None, (text(part(one, "reaction", "reaction")) for one in objs(body.get("data")))), None
    )
    attached: Body = next((one["external_context"] for one in _attached(body) if isinstance(one.get("external_context"), dict)), {})
    kind = "page" if _is_page(body) else "saved" if _is_saved(body) else (reaction or "like").lower()
    return known(
        url=link(body.get("url")) or link(said.get("URL")) or next(iter(_links(body)), None),
        title=text(attached.get("name")) or text(body.get("title")) or text(body.get("name")) or text(said.get("Name")),
        description=text(body.get("title")) if text(attached.get("name")) else None,
        author=text(attached.get("source")),
        kind=kind,
        created=moment(body.get("timestamp")),
    )


def _map_profile(body: Body) -> Body:
    born = body.get("birthday") if isinstance(body.get("birthday"), dict) else {}
    year, month, day = (part(born, name) for name in ("year", "month", "day"))
    whole = all(isinstance(one, int) and one > 0 for one in (year, month, day))
    user = text(body.get("username"))
    emails = part(body, "emails", "emails")
    return known(
        name=text(part(body, "name", "full_name")),
        given_name=text(part(body, "name", "first_name")),
        family_name=text(part(body, "name", "last_name")),
        nicknames=names(body.get("other_names")),
        emails=[one.strip().lower() for one in emails if isinstance(one, str) and "@" in one] if isinstance(emails, list) else [],
        phones=[one for one in (text(phone.get("phone_number")) for phone in objs(body.get("phone_numbers"))) if one],
        handles=[f"facebook:{user.lower()}"] if user else [],
        urls=[one for one in [link(body.get("profile_uri")), *(text(s.get("address")) for s in objs(body.get("websites")))] if one],
        birthday=f"{year:04}-{month:02}-{day:02}" if whole else None,
        gender=text(part(body, "gender", "gender_option")),
        bio=text(part(body, "about_me")) or text(part(body, "intro_bio", "name")),
    )


def _reach(body: Body) -> list[str]:
    ways = [one.get("contact_point") or one.get("value") for one in objs(body.get("details"))]
    return [one.strip() for one in ways if isinstance(one, str) and one.strip()]


def _is_page(body: Body) -> bool:
    return "name" in body and not body.get("data") and "attachments" not in body


def _is_saved(body: Body) -> bool:
    return not body.get("data") and "label_values" not in body and bool(_attached(body))


def _kind(body: Body) -> str | None:
    if _comment(body):
        return "comment"
    return "note" if _note(body) else None


def _comment(body: Body) -> Body:
    return next((one["comment"] for one in objs(body.get("data")) if isinstance(one.get("comment"), dict)), {})


def _note(body: Body) -> Body:
    """A note stands in a post of its own, or (``notes.json``) is the entry itself."""
    if "created_timestamp" in body and "text" in body:
        return body
    return next((one["note"] for one in _attached(body) if isinstance(one.get("note"), dict)), {})


def _attached(body: Body) -> list[Body]:
    return [one for held in objs(body.get("attachments")) for one in objs(held.get("data"))]


def _media(body: Body) -> list[Body]:
    media = [one["media"] for one in _attached(body) if isinstance(one.get("media"), dict)]
    noted = _note(body).get("media")
    listed = body.get("media") if noted is not body.get("media") else None
    nested = [inner for said in objs(body.get("label_values")) for inner in objs(said.get("media"))]
    return [one for one in [*media, *objs(noted), *objs(listed), *nested] if isinstance(one.get("uri"), str)]


def _uris(body: Body) -> list[Any]:
    return [one["uri"] for one in _media(body)]


def _words(body: Body) -> str | None:
    said = labels(body)
    posts = [text(one.get("post")) for one in objs(body.get("data"))]
    attached = [text(one.get("text")) for one in _attached(body)]
    found = [*posts, text(_comment(body).get("comment")), text(_note(body).get("text"))]
    return (
        "\n".join(filter(None, found)) or next(filter(None, attached), None) or text(said.get("Text")) or text(said.get("Message"))
    ) or None


def _links(body: Body) -> list[str]:
    urls = [link(part(one, "external_context", "url")) for one in _attached(body)]
    return list(dict.fromkeys(url for url in urls if url))
