"""
What a Tumblr post says, in blocks (NPF) or in one of the eight kinds of post that there were before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locker.connector import Body

from ._loose import known, obj, objs, text, texts, unique
from ._markup import plain
from ._moment import moment

_WORDS = ("body", "caption", "text", "source", "question", "answer", "description")


def favorite(body: Body) -> Body:
    """A liked post: *created* is when it was liked."""
    said = post(body)
    liked = moment(body.get("liked_timestamp"))
    return known(
        url=said.get("url"),
        title=said.get("title"),
        description=said.get("text"),
        author=said.get("author"),
        author_url=text(obj(body.get("blog")).get("url")),
        kind=said.get("kind"),
        tag=said.get("tag"),
        created=liked or said.get("created"),
        thumbnail=_thumbnail(body) or next(iter(said.get("photos", [])), None),
    )


def post(body: Body) -> Body:
    """A post; of a reblog that adds nothing, what it shows of others."""
    blocks = objs(body.get("content"))
    shown = blocks or [block for one in objs(body.get("trail")) for block in objs(one.get("content"))]
    formats = [one for block in blocks for one in objs(block.get("formatting"))]
    words = "\n\n".join(filter(None, [*map(_words, shown), *_legacy(body)]))
    summary = text(body.get("summary"))
    return known(
        url=text(body.get("post_url"), body.get("short_url")),
        title=plainly(body.get("title")),
        text=words or summary,
        author=text(body.get("blog_name"), obj(body.get("blog")).get("name")),
        created=moment(body.get("timestamp")) or moment(body.get("date")),
        reply_to=text(body.get("reblogged_from_url")),
        tag=texts(body.get("tags")),
        mentions=unique(text(obj(one.get("blog")).get("name")) for one in formats),
        links=unique([*_links(body, blocks), *(text(one.get("url")) for one in formats if one.get("type") == "link")]),
        photos=unique([*map(_picture, shown), *(_original(one) for one in objs(body.get("photos")))]),
        kind=_kind(body),
        visibility=text(body.get("state")) if body.get("state") != "published" else None,
    )


def plainly(value: Any) -> str | None:
    """A text without its markup."""
    said = text(value)
    return plain(said) or None if said else None


def _kind(body: Body) -> str:
    kind = text(body.get("original_type"), body.get("type")) or "post"
    if text(body.get("reblogged_from_id"), body.get("reblogged_from_url")):
        return "repost"
    return "post" if kind == "blocks" else kind


def _words(block: Body) -> str | None:
    """What a block says; a picture says what its description says."""
    return text(block.get("text"), block.get("title"), block.get("alt_text"))


def _legacy(body: Body) -> Iterator[str | None]:
    for name in _WORDS:
        yield plainly(body.get(name))
    for line in objs(body.get("dialogue")):
        yield " ".join(filter(None, (text(line.get("label")), text(line.get("phrase")))))


def _links(body: Body, blocks: list[Body]) -> Iterator[str | None]:
    yield text(body.get("url"), body.get("link_url"), body.get("permalink_url"))
    yield text(body.get("source_url"))
    for block in blocks:
        if block.get("type") in ("link", "video", "audio"):
            yield text(block.get("url"))


def _picture(block: Body) -> str | None:
    sizes = objs(block.get("media")) if block.get("type") == "image" else []
    return text(sizes[0].get("url")) if sizes else None


def _original(photo: Body) -> str | None:
    sizes = [obj(photo.get("original_size")), *objs(photo.get("alt_sizes"))]
    return text(*(size.get("url") for size in sizes))


def _thumbnail(body: Body) -> str | None:
    sizes = [size for photo in objs(body.get("photos")) for size in objs(photo.get("alt_sizes"))]
    return text(body.get("thumbnail_url"), *(size.get("url") for size in reversed(sizes[-3:])))
