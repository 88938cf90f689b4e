"""
What a Slack message and a Slack user say, in plain words.
"""

from __future__ import annotations

import re
from typing import Any

from locker.connector import Body

from ._loose import epoch, known, obj, objs, text, texts, unique

_ANGLE = re.compile(r"<([^<>]+)>")
_SIGNS = {"@": "@", "#": "#", "!": "@"}
_ENTITIES = re.compile(r"&(amp|lt|gt);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}
_TOKEN = re.compile(r"([?&])t=xox[a-z]-[A-Za-z0-9-]+(&?)")


def plain(markup: str) -> str:
    """Slack's markup as plain text: ``<@U1|jo>`` is @jo, ``<https://x.org|x>`` is x (https://x.org), ``&amp;`` is &.

    https://api.slack.com/reference/surfaces/formatting: only ``&``, ``<`` and ``>`` are escaped.
    """
    return _ENTITIES.sub(lambda match: _CHARACTERS[match[1]], _ANGLE.sub(_reference, markup))


def _reference(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    sign = target[:1]
    if sign in _SIGNS:
        if target.startswith("!date^") and label:
            return label
        name = label or target[1:].removeprefix("subteam^").partition("^")[0]
        return name if name[:1] in _SIGNS else _SIGNS[sign] + name
    if not label or target.partition(":")[2].lstrip("/") in (label, f"{label}/"):
        return target.removeprefix("mailto:")
    return f"{label} ({target.removeprefix('mailto:')})"


def without_tokens(value: Any) -> Any:
    """The same without the access token that an export writes into each file's address: it is a secret, and new in every export.

    >>> without_tokens("https://files.slack.com/a.png?t=xoxe-1-2")
    'https://files.slack.com/a.png'
    """
    if isinstance(value, str):
        return _TOKEN.sub(lambda match: match[1] if match[2] else "", value) if "t=xox" in value else value
    if isinstance(value, dict):
        return {name: without_tokens(inner) for name, inner in value.items()}
    return [without_tokens(inner) for inner in value] if isinstance(value, list) else value


def message(sent: Body, channel: Body) -> Body:
    """A message as canonical fields.

    *from* is the sender's id (a bot's, if it has no user): names and addresses are the contact's, so that a new profile edits no message.
    Ids of messages and threads are ``slack:<channel>:<ts>``.
    """
    place = text(channel.get("id"), channel.get("name")) or "?"
    ts, parent = text(sent.get("ts")), text(sent.get("thread_ts"))
    person, bot = obj(sent.get("user_profile")), obj(sent.get("bot_profile"))
    from_ = text(sent.get("user"), obj(sent.get("comment")).get("user"), sent.get("bot_id"), sent.get("username"))
    return known(
        from_=from_,
        from_name=text(sent.get("username"), person.get("display_name"), person.get("real_name"), person.get("name"), bot.get("name")),
        to=[member for member in texts(channel.get("members")) if member != from_],
        text=_content(sent),
        channel=text(channel.get("name"), channel.get("id")),
        message_id=f"slack:{place}:{ts}" if ts else None,
        thread=f"slack:{place}:{parent}" if parent else None,
        in_reply_to=f"slack:{place}:{parent}" if parent and parent != ts else None,
        sent=epoch(ts),
        updated=epoch(obj(sent.get("edited")).get("ts")),
        attachments=unique(text(file.get("name"), file.get("title")) for file in [obj(sent.get("file")), *objs(sent.get("files"))]),
        tag=unique(
            [text(sent.get("subtype")), "pinned" if sent.get("pinned_to") else None, "starred" if sent.get("is_starred") is True else None]
        ),
        reactions=unique(text(reaction.get("name")) for reaction in objs(sent.get("reactions"))),
    )


def _content(sent: Body) -> str | None:
    """The text; of a message that is all attachments (bots write such), theirs."""
    said = [text(sent.get("text"))]
    if not said[0]:
        for one in objs(sent.get("attachments")):
            parts = unique([text(one.get("pretext")), text(one.get("title")), text(one.get("text"))])
            said += parts or [text(one.get("fallback"))]
    return "\n".join(plain(part) for part in said if part) or None


def contact(user: Body) -> Body:
    """A user as a contact.  Handles: ``slack:<id>``, which messages name, and ``slack:<team>/<name>``, since a name is one person's only within a team."""
    profile = obj(user.get("profile"))
    id, name, team = text(user.get("id")), text(user.get("name")), text(user.get("team_id"), profile.get("team"))
    shown = text(profile.get("display_name"))
    skype = text(profile.get("skype"))
    full = text(profile.get("real_name"), user.get("real_name"), shown, name)
    picture = next((said for size in ("original", "1024", "512", "192") if (said := text(profile.get(f"image_{size}")))), None)
    return known(
        name=full,
        given_name=text(profile.get("first_name")),
        family_name=text(profile.get("last_name")),
        nicknames=[nick for nick in unique([shown, name]) if nick != full],
        emails=unique([(text(profile.get("email")) or "").strip().lower()]),
        phones=unique([text(profile.get("phone"))]),
        handles=unique([id and f"slack:{id}", name and (f"slack:{team}/{name}" if team else f"slack:{name}"), skype and f"skype:{skype}"]),
        photos=unique([picture]),
        title=text(profile.get("title")),
        updated=epoch(user.get("updated")),
    )
