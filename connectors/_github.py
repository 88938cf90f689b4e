"""
What GitHub's documents say, in both forms in which it gives them: answers of its API, and the files of an account's export ("migration archive").

In an export every document has a ``type`` (``repository``, ``issue_comment``), people and repositories are named by their address, and ``url`` is the page.
In an answer of the API ``html_url`` is the page, and people are objects.
"""

from __future__ import annotations

from typing import Any

from locker.connector import Body

from ._loose import known, obj, objs, text, texts, unique
from ._moment import moment

SITE = "https://github.com/"


def is_person(said: Body) -> bool:
    """A user or an organisation."""
    return "login" in said and (
        said.get("type") in ("user", "organization", "User", "Organization", "Bot", "bot", "mannequin") or "id" in said
    )


def is_repository(said: Body) -> bool:
    """Whether a document is a repository, starred or owned."""
    return said.get("type") == "repository" or (text(said.get("full_name")) is not None and not is_person(said))


def is_gist(said: Body) -> bool:
    """Whether a document is a gist."""
    return said.get("type") == "gist" or ("files" in said and "/gist" in (text(said.get("html_url"), said.get("url")) or ""))


def is_writing(said: Body) -> bool:
    """Something a person wrote: an issue, a pull request, a review, a comment, a release."""
    return page(said) is not None and "body" in said and login(said.get("user") or said.get("author")) is not None


def page(said: Body) -> str | None:
    """Where a person sees it."""
    return text(said.get("html_url"), said.get("url"))


def login(person: Any) -> str | None:
    """A person's name at GitHub, from an object or an address (``https://github.com/octocat``)."""
    if isinstance(person, dict):
        return text(person.get("login")) or login(text(person.get("html_url"), person.get("url")))
    said = text(person)
    return said.rstrip("/").rpartition("/")[2] or None if said else None


def full_name(repository: Body) -> str | None:
    """``owner/name``."""
    given, url = text(repository.get("full_name")), page(repository) or ""
    return given or (url.removeprefix(SITE) if url.startswith(SITE) else text(repository.get("name")))


def key(said: Body) -> str | None:
    """The id of a repository, gist or person in the API's answers; exports know only addresses."""
    return text(said.get("id"), said.get("html_url"), said.get("url"), said.get("full_name"), said.get("login"))


def star(starred: Body) -> Body:
    """A starred repository or gist; *created* is when it was starred, if the answer tells."""
    thing = obj(starred.get("repo")) or obj(starred.get("repository")) or starred
    said = gist(thing) if is_gist(thing) else repository(thing)
    said.pop("created", None)
    author = text(said.pop("author", None))
    owner = obj(thing.get("owner"))
    picture = text(owner.get("avatar_url"))
    by = known(author=author, author_url=text(owner.get("html_url")), avatar=picture)
    return {**said, **by, **known(kind="star", created=moment(starred.get("starred_at")), thumbnail=picture)}


def repository(said: Body) -> Body:
    """A repository as a link."""
    name = full_name(said)
    topics = [text(topic.get("name")) for topic in objs(said.get("topics"))] or texts(said.get("topics"))
    return known(
        url=page(said) or (f"{SITE}{name}" if name and "/" in name else None),
        title=name,
        description=text(said.get("description")),
        author=login(said.get("owner")) or (name.partition("/")[0] if name and "/" in name else None),
        tag=unique(topics),
        created=moment(said.get("created_at")),
        archived=said.get("archived") if isinstance(said.get("archived"), bool) else None,
        language=text(said.get("language")),
        updated=moment(said.get("updated_at")),
    )


def gist(said: Body) -> Body:
    """A gist as a link; it has no title, so its first file's name stands for one."""
    files = said.get("files")
    names = texts(list(files)) if isinstance(files, dict) else [text(file.get("filename"), file.get("name")) for file in objs(files)]
    return known(
        url=page(said),
        title=next(iter(unique(names)), None),
        description=text(said.get("description")),
        author=login(said.get("owner") or said.get("user")),
        created=moment(said.get("created_at")),
        updated=moment(said.get("updated_at")),
    )


def person(said: Body, relation: str | None = None) -> Body:
    """A user or an organisation as a contact."""
    name = text(said.get("login"))
    site = text(said.get("blog"), said.get("website"))
    addresses = [text(one.get("address"), one.get("email")) for one in objs(said.get("emails"))] or texts(said.get("emails"))
    twitter = text(said.get("twitter_username"))
    return known(
        name=text(said.get("name")) or name,
        handles=unique([name and f"github:{name}", twitter and f"twitter:{twitter}"]),
        emails=unique(address and address.strip().lower() for address in [text(said.get("email")), *addresses]),
        urls=unique([page(said) if (page(said) or "").startswith(SITE) else name and f"{SITE}{name}", site]),
        photos=unique([text(said.get("avatar_url"))]),
        organization=text(said.get("company")),
        address=[{"text": where}] if (where := text(said.get("location"))) else None,
        bio=text(said.get("bio"), said.get("description")),
        relations=unique([relation]),
        updated=moment(said.get("updated_at")),
    )


def post(said: Body) -> Body:
    """An issue, a pull request, a comment, a review or a release."""
    replied = next((where for field in _PARENTS if (where := _address(said.get(field)))), None)
    labels = said.get("labels")
    return known(
        url=page(said),
        title=text(said.get("title"), said.get("name")),
        text=text(said.get("body")),
        author=login(said.get("user") or said.get("author")),
        created=moment(said.get("created_at") or said.get("submitted_at") or said.get("published_at")),
        reply_to=replied,
        tag=unique([*(text(label.get("name")) for label in objs(labels)), *(label.rpartition("/")[2] for label in texts(labels))]),
        kind=_kind(said),
        updated=moment(said.get("updated_at")),
    )


_PARENTS = ("in_reply_to", "pull_request_review", "issue", "pull_request", "issue_url", "pull_request_url")


def _kind(said: Body) -> str | None:
    kind = text(said.get("type"))
    if kind:
        return kind
    if "number" in said:
        return "pull_request" if "pull_request" in said or "merged_at" in said else "issue"
    return "release" if "tag_name" in said else "comment"


def _address(value: Any) -> str | None:
    found = text(value) if not isinstance(value, dict) else None
    return found if found and found.startswith("http") else None
