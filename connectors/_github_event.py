"""
What an event of GitHub's timelines says in a sentence: who did what, to what, where.
"""

from __future__ import annotations

from collections.abc import Callable

from locker.connector import Body

from ._github import SITE, login, page
from ._loose import known, obj, objs, text, unique
from ._moment import moment


def event(said: Body) -> Body:
    """An event as an activity; *organizer* is who did it."""
    type, payload = text(said.get("type")), obj(said.get("payload"))
    actor, place, thing = login(said.get("actor")), _place(said), _thing(payload)
    id = text(said.get("id"))
    return known(
        uid=id and f"github:{id}",
        title=" ".join(filter(None, [actor, _did(type, payload), place])) if type else None,
        description=_words(payload),
        start=moment(said.get("created_at")),
        url=page(thing) if (page(thing) or "").startswith("https://") and "html_url" in thing else place and f"{SITE}{place}",
        organizer=actor,
        kind="activity",
        tag=unique([type]),
    )


def _place(said: Body) -> str | None:
    """The repository's ``owner/name``; the oldest events write it otherwise."""
    repo = obj(said.get("repo")) or obj(said.get("repository"))
    name = text(repo.get("full_name"), repo.get("name"))
    return name if name and name.strip("/") else None


def _thing(payload: Body) -> Body:
    """The part of an event that has a page of its own."""
    for name in ("comment", "review", "pull_request", "issue", "release", "forkee", "gist", "target", "member"):
        if found := obj(payload.get(name)):
            return found
    return next(iter(objs(payload.get("pages"))), {})


def _words(payload: Body) -> str | None:
    """What was written: a comment's text, an issue's title, the commits' messages."""
    thing = _thing(payload)
    messages = [text(commit.get("message")) for commit in objs(payload.get("commits"))]
    return text(thing.get("body") if "comment" in payload or "review" in payload else None, thing.get("title"), thing.get("name")) or (
        "\n".join(filter(None, messages)) or text(thing.get("description"), payload.get("description"))
    )


def _did(type: str | None, payload: Body) -> str:
    action = text(payload.get("action"))
    make = _SENTENCES.get(type or "")
    said = make(payload, action) if make else f"{action or 'did'} {(type or 'something').removesuffix('Event')} in"
    return said.strip()


def _number(payload: Body) -> str:
    thing = obj(payload.get("pull_request")) or obj(payload.get("issue"))
    number = text(thing.get("number"), payload.get("number"))
    return f" #{number}" if number else ""


def _ref(payload: Body) -> str:
    kind, ref = text(payload.get("ref_type")) or "something", text(payload.get("ref"))
    return f"{kind} {ref} in" if ref and kind != "repository" else kind


def _pushed(payload: Body, _: str | None) -> str:
    branch = (text(payload.get("ref")) or "").removeprefix("refs/heads/")
    return f"pushed to {branch} of" if branch else "pushed to"


def _release(payload: Body, action: str | None) -> str:
    release = obj(payload.get("release"))
    return f"{action or 'published'} release {text(release.get('tag_name'), release.get('name')) or ''} of".replace("  ", " ")


_SENTENCES: dict[str, Callable[[Body, str | None], str]] = {
    "CommitCommentEvent": lambda *_: "commented on a commit of",
    "CreateEvent": lambda payload, _: f"created {_ref(payload)}",
    "DeleteEvent": lambda payload, _: f"deleted {_ref(payload)}",
    "DownloadEvent": lambda *_: "uploaded a file to",
    "FollowEvent": lambda payload, _: f"followed {login(payload.get('target')) or 'somebody'}",
    "ForkApplyEvent": lambda *_: "applied a fork's change to",
    "ForkEvent": lambda *_: "forked",
    "GistEvent": lambda _, action: f"{action or 'change'}d a gist",
    "GollumEvent": lambda *_: "edited the wiki of",
    "IssueCommentEvent": lambda payload, _: f"commented on{_number(payload)} of",
    "IssuesEvent": lambda payload, action: f"{action or 'changed'} issue{_number(payload)} of",
    "MemberEvent": lambda payload, action: f"{action or 'added'} {login(payload.get('member')) or 'a member'} to",
    "PublicEvent": lambda *_: "made public",
    "PullRequestEvent": lambda payload, action: f"{action or 'changed'} pull request{_number(payload)} of",
    "PullRequestReviewCommentEvent": lambda payload, _: f"commented on the changes of{_number(payload)} of",
    "PullRequestReviewEvent": lambda payload, _: f"reviewed pull request{_number(payload)} of",
    "PullRequestReviewThreadEvent": lambda payload, action: f"{action or 'changed'} a review of{_number(payload)} of",
    "PushEvent": _pushed,
    "ReleaseEvent": _release,
    "SponsorshipEvent": lambda *_: "sponsored",
    "WatchEvent": lambda *_: "starred",
}
