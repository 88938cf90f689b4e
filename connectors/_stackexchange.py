"""
What questions and answers at Stack Exchange's sites say, since version 1.1 of its API.
"""

from __future__ import annotations

from html import unescape
from typing import Any
from urllib.parse import urlsplit

from locker.connector import Body

from ._loose import epoch, known, obj, text, texts, unique
from ._markup import plain

_FALLBACK = "https://stackoverflow.com"


def favorite(question: Body) -> Body:
    """A bookmarked question.  *created* is the question's own time: when it was bookmarked, the API does not tell."""
    said = post(question)
    return known(
        url=said.get("url"),
        title=said.get("title"),
        description=said.get("text"),
        author=said.get("author"),
        author_url=text(obj(question.get("owner")).get("link")),
        avatar=text(obj(question.get("owner")).get("profile_image")),
        kind="bookmark",
        tag=said.get("tag"),
        created=said.get("created"),
        thumbnail=text(obj(question.get("owner")).get("profile_image")),
        updated=said.get("updated"),
    )


def post(said: Body) -> Body:
    """A question or an answer as a post."""
    question, answer = text(said.get("question_id")), text(said.get("answer_id"))
    site = _site(said)
    return known(
        url=text(said.get("link")) or (f"{site}/a/{answer}" if answer else question and f"{site}/questions/{question}"),
        title=_words(said.get("title")),
        text=plain(body) if (body := text(said.get("body"))) else None,
        author=_words(obj(said.get("owner")).get("display_name")),
        created=epoch(said.get("creation_date")),
        reply_to=f"{site}/questions/{question}" if answer and question else None,
        tag=unique(texts(said.get("tags"))),
        kind="answer" if answer else "question",
        updated=epoch(said.get("last_edit_date")),
    )


def _site(said: Body) -> str:
    """The site's address; an answer tells it only by its author's page."""
    for url in (said.get("link"), obj(said.get("owner")).get("link")):
        try:
            parts = urlsplit(text(url) or "")
        except ValueError:
            continue
        if parts.scheme and parts.netloc:
            return f"{parts.scheme}://{parts.netloc}"
    return _FALLBACK


def _words(value: Any) -> str | None:
    """A text in which the API writes some signs as in HTML."""
    said = text(value)
    return unescape(said) if said else None
