"""
What Bluesky's records say, alone (as a repository lists them) and in the views of a feed, and what its profiles say.

Pages are named by the account's DID and not by its handle: handles change, and a record alone knows none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locker.connector import Body

from ._loose import known, obj, objs, text, texts, unique
from ._moment import moment

SITE = "https://bsky.app/profile/"
_PICTURES = "https://cdn.bsky.app/img/feed_fullsize/plain/"
_POST = "app.bsky.feed.post"


def post(entry: Body) -> Body:
    """A post: a record (``uri, value``), or an entry of a feed (``post, reason, reply``)."""
    view = obj(entry.get("post"))
    uri, said = text(view.get("uri"), entry.get("uri")), obj(view.get("record")) or obj(entry.get("value"))
    reply = text(obj(obj(said.get("reply")).get("parent")).get("uri"))
    is_repost = (text(obj(entry.get("reason")).get("$type")) or "").endswith("#reasonRepost")
    tags, mentions, links = _facets(said)
    embed = obj(said.get("embed"))
    return known(
        url=page(uri),
        text=text(said.get("text")),
        author=text(obj(view.get("author")).get("handle")) or _repo(uri),
        created=moment(said.get("createdAt")) or moment(view.get("indexedAt")),
        reply_to=page(reply),
        tag=unique([*tags, *texts(said.get("tags"))]),
        mentions=mentions,
        links=unique([*links, *_embedded(embed)]),
        photos=unique([*_shown(obj(view.get("embed"))), *([] if view else _blobs(embed, _repo(uri)))]),
        language=next(iter(texts(said.get("langs"))), None),
        kind="repost" if is_repost else "reply" if reply else "post",
    )


def favorite(entry: Body) -> Body:
    """A liked post of a feed, with what it says; or the record of a like, with when it was given."""
    value = obj(entry.get("value"))
    if value:
        # Naming its own time, it is composed after the view, whose time is only the post's.
        when = moment(value.get("createdAt"))
        return known(url=page(text(obj(value.get("subject")).get("uri"))), kind="like", created=when, updated=when)
    said, author = post(entry), obj(obj(entry.get("post")).get("author"))
    return known(
        url=said.get("url"),
        description=said.get("text"),
        author=said.get("author"),
        author_url=f"https://bsky.app/profile/{name}" if (name := text(author.get("handle"), author.get("did"))) else None,
        avatar=text(author.get("avatar")),
        kind="like",
        tag=said.get("tag"),
        created=said.get("created"),
        thumbnail=next(iter(said.get("photos", [])), None) or text(author.get("avatar")),
    )


def person(profile: Body, relation: str | None = None) -> Body:
    """A profile as a contact."""
    did, handle = text(profile.get("did")), text(profile.get("handle"))
    handle = None if handle == "handle.invalid" else handle
    return known(
        name=text(profile.get("displayName")) or handle,
        handles=unique([handle and f"bluesky:{handle}", did and f"bluesky-did:{did}"]),
        urls=unique([(did or handle) and f"{SITE}{did or handle}"]),
        photos=unique([text(profile.get("avatar"))]),
        bio=text(profile.get("description")),
        relations=unique([relation]),
    )


def page(uri: str | None) -> str | None:
    """Where a person sees a record: of ``at://did:plc:x/app.bsky.feed.post/k`` the post's page, of any other the address itself."""
    parts = (uri or "").removeprefix("at://").split("/")
    if not uri or len(parts) != 3 or not uri.startswith("at://") or parts[1] != _POST:
        return uri
    return f"{SITE}{parts[0]}/post/{parts[2]}"


def _repo(uri: str | None) -> str | None:
    return uri.removeprefix("at://").partition("/")[0] if uri and uri.startswith("at://") else None


def _facets(record: Body) -> tuple[list[str], list[str], list[str]]:
    """Tags, who is mentioned (by DID), and links of a text."""
    features = [feature for facet in objs(record.get("facets")) for feature in objs(facet.get("features"))]
    return (
        unique(text(feature.get("tag")) for feature in features),
        unique(text(feature.get("did")) for feature in features),
        unique(text(feature.get("uri")) for feature in features),
    )


def _media(embed: Body) -> Body:
    """What is embedded beside a quoted post, or alone."""
    return obj(embed.get("media")) or embed


def _embedded(embed: Body) -> Iterator[str | None]:
    """The page that a card leads to, and the post that is quoted."""
    yield text(obj(_media(embed).get("external")).get("uri"))
    record = obj(embed.get("record"))
    yield page(text(record.get("uri"), obj(record.get("record")).get("uri")))


def _shown(embed: Body) -> Iterator[str | None]:
    """The pictures of a view."""
    for image in objs(_media(embed).get("images")):
        yield text(image.get("fullsize"), image.get("thumb"))


def _blobs(embed: Body, repo: str | None) -> Iterator[str | None]:
    """The pictures of a record alone, where Bluesky's own server of pictures has them."""
    for image in objs(_media(embed).get("images")):
        blob: Any = obj(image.get("image"))
        id = text(obj(blob.get("ref")).get("$link"), blob.get("cid"))
        yield f"{_PICTURES}{repo}/{id}@jpeg" if repo and id else None
