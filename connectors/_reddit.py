"""
What Reddit's things say: submissions (``t3``), comments (``t1``) and people.
"""

from __future__ import annotations

from typing import Any

from locker.connector import Body

from ._loose import epoch, known, obj, objs, text, unique

SITE = "https://www.reddit.com"
_NOBODY = ("[deleted]", "[removed]")


def favorite(thing: Body) -> Body:
    """A saved or upvoted thing.  *created* is the thing's own time: when it was saved, Reddit does not tell."""
    said = post(thing)
    data = obj(thing.get("data"))
    thumbnail = text(data.get("thumbnail"))
    return known(
        url=said.get("url"),
        title=said.get("title"),
        description=said.get("text") or next(iter(said.get("links", [])), None),
        author=said.get("author"),
        author_url=f"https://www.reddit.com/user/{author}" if (author := text(data.get("author"))) and author != "[deleted]" else None,
        kind="saved" if data.get("saved") is True and data.get("likes") is not True else "upvote",
        tag=said.get("tag"),
        created=said.get("created"),
        thumbnail=thumbnail if thumbnail and thumbnail.startswith("https://") else None,
        updated=said.get("updated"),
    )


def post(thing: Body) -> Body:
    """A submission or a comment as a post."""
    data = obj(thing.get("data"))
    is_comment = thing.get("kind") == "t1" or "parent_id" in data
    edited = data.get("edited")
    return known(
        url=_page(data, is_comment),
        title=text(data.get("link_title")) if is_comment else text(data.get("title")),
        text=text(data.get("body")) if is_comment else text(data.get("selftext")),
        author=_author(data.get("author")),
        created=epoch(data.get("created_utc")),
        reply_to=_parent(data),
        tag=unique([text(data.get("subreddit")), text(data.get("link_flair_text"))]),
        links=[] if is_comment or data.get("is_self") is True else unique([text(data.get("url"))]),
        photos=unique(_pictures(data)),
        kind="comment" if is_comment else "submission",
        updated=epoch(edited) if isinstance(edited, int | float) and not isinstance(edited, bool) else None,
    )


def _page(data: Body, is_comment: bool) -> str | None:
    """Where a person sees it; comments of before 2017 do not say."""
    link = text(data.get("permalink"))
    if link:
        return f"{SITE}{link}" if link.startswith("/") else link
    subreddit, id = text(data.get("subreddit")), text(data.get("id"))
    above = (text(data.get("link_id")) or "").removeprefix("t3_") if is_comment else id
    if not (subreddit and id and above):
        return None
    return f"{SITE}/r/{subreddit}/comments/{above}/" + (f"_/{id}/" if is_comment else "")


def _parent(data: Body) -> str | None:
    """What a comment answers: a page, if it can be told."""
    parent, subreddit = text(data.get("parent_id")), text(data.get("subreddit"))
    if not parent or not subreddit:
        return parent
    above = (text(data.get("link_id")) or "").removeprefix("t3_")
    kind, _, id = parent.partition("_")
    return f"{SITE}/r/{subreddit}/comments/{above}/" + (f"_/{id}/" if kind == "t1" else "") if above else parent


def _author(value: Any) -> str | None:
    name = text(value)
    return None if name in _NOBODY else name


def _pictures(data: Body) -> list[str | None]:
    previews = [text(obj(image.get("source")).get("url")) for image in objs(obj(data.get("preview")).get("images"))]
    return previews if data.get("post_hint") == "image" else []
