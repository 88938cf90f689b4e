"""
What Mastodon's statuses and accounts say; other servers of the same API (Pleroma, GoToSocial, Pixelfed) say a part of it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from locker.connector import Body

from ._loose import known, obj, objs, text, texts, unique
from ._markup import plain
from ._moment import moment


def post(status: Body) -> Body:
    """A status as a post.  A boost says what it boosts, and links to it."""
    original = obj(status.get("reblog"))
    said = original or status
    card, media = obj(said.get("card")), objs(said.get("media_attachments"))
    replied = text(status.get("in_reply_to_id"))
    return known(
        url=_page(status),
        title=_words(said.get("spoiler_text")),
        text=_content(said),
        author=handle(obj(status.get("account"))),
        created=moment(status.get("created_at")),
        reply_to=replied,
        tag=_tags(said),
        mentions=unique(handle(person) for person in objs(said.get("mentions"))),
        links=unique([_page(original), text(card.get("url"))]),
        photos=unique(_picture(one) for one in media if one.get("type") == "image"),
        language=text(said.get("language")),
        kind="repost" if original else "reply" if replied else "post",
        visibility=text(status.get("visibility")),
        updated=moment(status.get("edited_at")),
    )


def favorite(status: Body) -> Body:
    """A favourited or bookmarked status.  *created* is the status's own time: when it was favourited, Mastodon does not tell."""
    said = obj(status.get("reblog")) or status
    media = objs(said.get("media_attachments"))
    return known(
        url=_page(said),
        title=_words(said.get("spoiler_text")),
        description=_content(said),
        author=handle(obj(said.get("account"))),
        author_url=text(obj(said.get("account")).get("url")),
        avatar=text(obj(said.get("account")).get("avatar")),
        kind="bookmark" if said.get("bookmarked") is True and said.get("favourited") is not True else "like",
        tag=_tags(said),
        created=moment(said.get("created_at")),
        thumbnail=next(iter(unique(text(one.get("preview_url"), one.get("url")) for one in media)), None),
        updated=moment(said.get("edited_at")),
    )


def person(account: Body, relation: str | None = None) -> Body:
    """An account as a contact."""
    name = handle(account)
    fields = [plain(said) for field in objs(account.get("fields")) if (said := text(field.get("value")))]
    moved = handle(obj(account.get("moved")))
    return known(
        name=text(account.get("display_name"), account.get("username"), account.get("acct")),
        handles=unique([name and f"mastodon:{name}", moved and f"mastodon:{moved}"]),
        urls=unique([text(account.get("url")), *(said for said in fields if said.startswith(("https://", "http://")) and " " not in said)]),
        photos=unique([text(account.get("avatar"), account.get("avatar_static"))]),
        bio=_words(account.get("note")),
        relations=unique([relation]),
    )


def handle(account: Body) -> str | None:
    """``name@host``, also of an account on the server that was asked, which leaves its own host out."""
    name = text(account.get("acct"), account.get("username"))
    if not name or "@" in name:
        return name
    host = _host(account.get("url")) or _host(account.get("uri"))
    return f"{name}@{host}" if host else name


def _host(url: Any) -> str | None:
    try:
        return urlsplit(text(url) or "").hostname
    except ValueError:
        return None


def _page(status: Body) -> str | None:
    """Where a person sees it; a boost has no page but its address."""
    return text(status.get("url"), status.get("uri"))


def _content(status: Body) -> str | None:
    return _words(status.get("content")) or text(status.get("text"))


def _words(markup: Any) -> str | None:
    said = text(markup)
    return plain(said) if said else None


def _tags(status: Body) -> list[str]:
    tags = status.get("tags")
    return unique([*(text(tag.get("name")) for tag in objs(tags)), *texts(tags)])


def _picture(media: Body) -> str | None:
    return text(media.get("url"), media.get("remote_url"), media.get("preview_url"))
