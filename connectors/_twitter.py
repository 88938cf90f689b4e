"""
What a tweet says, in each of the forms in which Twitter wrote it: archives of today, archives before 2019 ("Grailbird"), answers of its API.
"""

from __future__ import annotations

from html import unescape
from typing import Any

from locker.connector import Body

from ._loose import epoch, known, obj, objs, text, texts, unique
from ._moment import moment

__all__ = ["event", "favorite", "message", "note", "post", "snowflake_time", "status_url", "tweet_id", "user"]

SITE = "https://twitter.com"
_SNOWFLAKES_SINCE = 29_700_859_247
_SNOWFLAKE_EPOCH = 1_288_834_974_657


def tweet_id(tweet: Body) -> str | None:
    """A tweet's id; ``id_str`` first, since ``id`` may have lost its last digits to JavaScript."""
    return text(tweet.get("id_str"), tweet.get("id"))


def status_url(id: str | None, screen_name: str | None = None) -> str | None:
    """Where a tweet can be seen; Twitter redirects from the form without a name."""
    if id is None:
        return None
    return f"{SITE}/{screen_name}/status/{id}" if screen_name else f"{SITE}/i/web/status/{id}"


def post(tweet: Body, screen_name: str | None) -> Body:
    """A tweet as a post; *screen_name* is its author's, where the tweet does not say."""
    screen_name = text(obj(tweet.get("user")).get("screen_name"), screen_name)
    entities, extended = _entities(tweet)
    content = _content(tweet)
    return known(
        url=status_url(tweet_id(tweet), screen_name),
        text=content,
        author=screen_name,
        created=moment(tweet.get("created_at")),
        reply_to=status_url(
            text(tweet.get("in_reply_to_status_id_str"), tweet.get("in_reply_to_status_id")), text(tweet.get("in_reply_to_screen_name"))
        ),
        tag=unique(text(tag.get("text")) for tag in objs(entities.get("hashtags"))),
        mentions=unique(text(user.get("screen_name")) for user in objs(entities.get("user_mentions"))),
        links=_links(entities),
        photos=_photos(entities, extended),
        language=_language(tweet.get("lang")),
        kind=_kind(tweet, content),
        visibility="protected" if obj(tweet.get("user")).get("protected") is True else None,
    )


def note(written: Body, screen_name: str | None) -> Body:
    """A long tweet (``note-tweet.js``): its whole text; which tweet begins it, Twitter does not say."""
    core = obj(written.get("core"))
    return known(
        text=_plain(core.get("text")),
        author=screen_name,
        created=moment(written.get("createdAt")),
        updated=moment(written.get("updatedAt")),
        tag=unique(text(tag.get("text")) for tag in objs(core.get("hashtags"))),
        mentions=unique(text(user.get("screenName")) for user in objs(core.get("mentions"))),
        links=unique(text(link.get("expandedUrl"), link.get("shortUrl")) for link in objs(core.get("urls"))),
        kind="note",
    )


def favorite(liked: Body, kind: str = "like") -> Body:
    """A liked tweet, of ``like.js`` or as the API gives it.  *created* is the tweet's own time: when it was liked, Twitter does not tell."""
    whole = "created_at" in liked
    id = tweet_id(liked) if whole else text(liked.get("tweetId"))
    if not whole:
        created = moment(text(liked.get("likedAt"), liked.get("bookmarkedAt"))) or snowflake_time(id)
        return known(
            url=text(liked.get("expandedUrl")) or status_url(id), description=_plain(liked.get("fullText")), kind=kind, created=created
        )
    said = post(liked, None)
    return known(
        url=said.get("url"),
        description=said.get("text"),
        author=said.get("author"),
        author_url=f"https://twitter.com/{screen_name}" if (screen_name := text(obj(liked.get("user")).get("screen_name"))) else None,
        avatar=text(obj(liked.get("user")).get("profile_image_url_https"), obj(liked.get("user")).get("profile_image_url")),
        kind=kind,
        tag=said.get("tag"),
        created=said.get("created"),
        thumbnail=next(iter(said.get("photos", [])), None),
    )


def user(person: Body) -> Body:
    """A user object of the API as a contact."""
    screen_name, id = text(person.get("screen_name")), tweet_id(person)
    entities = obj(obj(person.get("entities")).get("url"))
    site = next((text(link.get("expanded_url"), link.get("url")) for link in objs(entities.get("urls"))), None)
    return known(
        name=text(person.get("name")),
        handles=unique([screen_name and f"twitter:{screen_name}", id and f"twitter-id:{id}"]),
        urls=unique([screen_name and f"{SITE}/{screen_name}", site or text(person.get("url"))]),
        photos=unique([text(person.get("profile_image_url_https"), person.get("profile_image_url"))]),
        address=[{"text": where}] if (where := text(person.get("location"))) else None,
        bio=_plain(person.get("description")),
    )


def message(sent: Body, thread: str | None) -> Body:
    """A direct message: of an archive (``messageCreate``) or as the API once gave it (``sender``, ``recipient``)."""
    sender, recipient = obj(sent.get("sender")), obj(sent.get("recipient"))
    from_ = text(sent.get("senderId"), sent.get("sender_id_str"), sent.get("sender_id"), tweet_id(sender))
    to = text(sent.get("recipientId"), sent.get("recipient_id_str"), sent.get("recipient_id"), tweet_id(recipient))
    content = _plain(sent.get("text"))
    for link in [*objs(sent.get("urls")), *objs(obj(sent.get("entities")).get("urls"))]:
        short, long = text(link.get("url")), text(link.get("expanded"), link.get("expanded_url"))
        if content and short and long:
            content = content.replace(short, long)
    return known(
        from_=from_,
        from_name=text(sender.get("name"), sender.get("screen_name")),
        to=unique([to]),
        text=content,
        thread=thread or ("-".join(sorted((from_, to), key=lambda one: (len(one), one))) if from_ and to else None),
        sent=moment(text(sent.get("createdAt"), sent.get("created_at"))),
        attachments=unique(url.rstrip("/").rpartition("/")[2] for url in texts(sent.get("mediaUrls"))),
    )


def event(happened: Body) -> Body:
    """A direct message of the API's event list."""
    sent = obj(happened.get("message_create"))
    data = obj(sent.get("message_data"))
    flat = {"sender_id": sent.get("sender_id"), "recipient_id": obj(sent.get("target")).get("recipient_id")}
    said = message({**flat, "text": data.get("text"), "entities": data.get("entities")}, None)
    return {**said, **known(sent=epoch(happened.get("created_timestamp"), 1000))}


def _entities(tweet: Body) -> tuple[Body, Body]:
    longer = obj(tweet.get("extended_tweet"))
    entities = obj(longer.get("entities")) or obj(tweet.get("entities"))
    return entities, obj(longer.get("extended_entities")) or obj(tweet.get("extended_entities"))


def _content(tweet: Body) -> str | None:
    """The whole text.  A repost is cut off at 140 characters, but holds the original."""
    original = obj(tweet.get("retweeted_status"))
    name, said = text(obj(original.get("user")).get("screen_name")), _own_content(original)
    return f"RT @{name}: {said}" if name and said else _own_content(tweet)


def _own_content(tweet: Body) -> str | None:
    return _plain(text(obj(tweet.get("extended_tweet")).get("full_text"), tweet.get("full_text"), tweet.get("text")))


def _plain(value: Any) -> str | None:
    said = text(value)
    return unescape(said) if said else None


def _links(entities: Body) -> list[str]:
    return unique(text(link.get("expanded_url"), link.get("url")) for link in objs(entities.get("urls")))


def _photos(entities: Body, extended: Body) -> list[str]:
    media = objs(extended.get("media")) or objs(entities.get("media"))
    return unique(text(one.get("media_url_https"), one.get("media_url")) for one in media if one.get("type", "photo") == "photo")


def _language(value: Any) -> str | None:
    code = text(value)
    return code if code not in ("und", "zxx") else None


def _kind(tweet: Body, content: str | None) -> str:
    if tweet.get("retweeted_status") or (content or "").startswith("RT @"):
        return "repost"
    replied = ("in_reply_to_status_id_str", "in_reply_to_status_id", "in_reply_to_user_id_str", "in_reply_to_user_id")
    return "reply" if any(text(tweet.get(field)) for field in replied) else "post"


def snowflake_time(id: str | None) -> str | None:
    """Ids since November 2010 hold the millisecond in which the tweet was made."""
    if not id or not id.isascii() or not id.isdigit() or int(id) <= _SNOWFLAKES_SINCE:
        return None
    return epoch((int(id) >> 22) + _SNOWFLAKE_EPOCH, 1000)
