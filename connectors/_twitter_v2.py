"""
Tweets, people and messages of version 2 of Twitter's (X's) API, told in the words of version 1.1, so that one map reads both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locker.connector import Body

from ._loose import known, obj, objs, text, texts
from ._twitter import snowflake_time

EXPANSIONS = {
    "expansions": "author_id,attachments.media_keys,referenced_tweets.id,referenced_tweets.id.author_id",
    "tweet.fields": "attachments,author_id,conversation_id,created_at,entities,in_reply_to_user_id,lang,note_tweet,referenced_tweets",
    "user.fields": "name,protected,username",
    "media.fields": "alt_text,preview_image_url,type,url",
}
"""What is asked for with each tweet: all that lasts.  Counts of likes and views would make an edit of every tweet on every day."""

PERSON = {"user.fields": "created_at,description,entities,location,name,profile_image_url,protected,url,username,verified"}
MESSAGE = {
    "dm_event.fields": "attachments,created_at,dm_conversation_id,event_type,referenced_tweets,sender_id,text",
    "event_types": "MessageCreate",
}


def is_v2(body: Body) -> bool:
    """Whether a document is of version 2: ids are text, and there is no second one that is called ``id_str``."""
    return isinstance(body.get("id"), str) and "id_str" not in body and "message_create" not in body


def whole(answer: Any) -> Iterator[Body]:
    """Each entry of an answer with what the answer tells beside it (``includes``) of its author, its media and the tweets that it refers to."""
    answer = obj(answer)
    included = obj(answer.get("includes"))
    by_id = {
        name: {found: one for one in objs(included.get(name)) if (found := text(one.get(id)))}
        for name, id in (("users", "id"), ("tweets", "id"), ("media", "media_key"))
    }
    for entry in objs(answer.get("data")):
        tweets = _found(by_id["tweets"], (one.get("id") for one in objs(entry.get("referenced_tweets"))))
        all_tweets = [entry, *tweets]
        beside = known(
            users=_found(by_id["users"], (one.get("author_id") for one in all_tweets)),
            tweets=tweets,
            media=_found(by_id["media"], (key for one in all_tweets for key in texts(obj(one.get("attachments")).get("media_keys")))),
        )
        yield {**entry, "includes": beside} if beside else entry


def tweet(body: Body) -> Body:
    """A tweet as version 1.1 has it.  *created_at* is always there: a tweet's id tells it, too."""
    included = obj(body.get("includes"))
    people = {text(one.get("id")): one for one in objs(included.get("users"))}
    others = {text(one.get("id")): one for one in objs(included.get("tweets"))}
    return _tweet(body, people, others, objs(included.get("media")))


def person(body: Body) -> Body:
    """A user as version 1.1 has them."""
    return {**body, **known(screen_name=text(body.get("username")), id_str=text(body.get("id")))}


def message(body: Body) -> Body:
    """A direct message as version 1.1 once had it; of two people who talk, the receiver is the one who did not send."""
    sender, conversation = text(body.get("sender_id")), text(body.get("dm_conversation_id")) or ""
    both = conversation.split("-")
    other = next((one for one in both if one != sender), None) if len(both) == 2 and sender in both else None
    return {**body, **known(recipient_id=other)}


def _tweet(body: Body, people: dict[str | None, Body], others: dict[str | None, Body], media: list[Body]) -> Body:
    id, entities = text(body.get("id")), obj(body.get("entities"))
    refers = {text(one.get("type")): text(one.get("id")) for one in objs(body.get("referenced_tweets"))}
    replied, original = refers.get("replied_to"), others.get(refers.get("retweeted"))
    author, answered = people.get(text(body.get("author_id"))), obj(others.get(replied))
    keys = texts(obj(body.get("attachments")).get("media_keys"))
    pictures = [one for one in media if text(one.get("media_key")) in keys]
    long = obj(body.get("note_tweet"))
    longer = obj(long.get("entities"))
    return {
        "created_at": body.get("created_at") or snowflake_time(id),
        **known(
            id_str=id,
            full_text=text(long.get("text"), body.get("text")),
            lang=body.get("lang"),
            user=_author(author),
            entities={**_entities(entities), **_entities(longer)},
            extended_entities={"media": [{"media_url_https": one.get("url"), "type": one.get("type")} for one in pictures]},
            in_reply_to_status_id_str=replied,
            in_reply_to_user_id_str=text(body.get("in_reply_to_user_id")),
            in_reply_to_screen_name=text(obj(people.get(text(answered.get("author_id")))).get("username")),
            retweeted_status=_tweet(original, people, {}, media) if original else None,
        ),
    }


def _author(author: Body | None) -> Body:
    return known(screen_name=text(author.get("username")), name=author.get("name"), protected=author.get("protected")) if author else {}


def _entities(entities: Body) -> Body:
    return known(
        hashtags=[{"text": one.get("tag")} for one in objs(entities.get("hashtags"))],
        user_mentions=[{"screen_name": one.get("username")} for one in objs(entities.get("mentions"))],
        # Its own pictures are among the addresses, too.
        urls=[one for one in objs(entities.get("urls")) if "media_key" not in one],
    )


def _found(by_id: dict[str, Body], ids: Iterator[Any]) -> list[Body]:
    return [by_id[id] for id in dict.fromkeys(map(text, ids)) if id in by_id]
