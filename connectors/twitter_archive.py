"""
Reads the archive of a Twitter (X) account: tweets, likes, followers and followed, direct messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from locker.connector import Archive, Archived, Body, Found, Item, Problem, Scope
from locker.error import Fatal

from . import _twitter
from ._json_members import Element, elements, keep, mended
from ._loose import known, obj, objs, text, texts, unique
from ._twitter_export import SCOPES, Export, exports

_PEOPLE = {"follower": "follower", "following": "following", "block": "blocking", "mute": "muting"}
_ANSWERS = ("*tweets.json", "*statuses.json", "*timeline.json", "*favorites.json", "*likes.json")
_MESSAGES = ("messageCreate", "welcomeMessageCreate")


class TwitterArchive(Archived):
    """An account's archive, as the zip that Twitter gives or unpacked.

    Ask for it at twitter.com under *Settings > Your account > Download an archive of your data*; give the zip as it comes.  Both today's layout
    (``data/tweets.js``, since 2018) and the one before (``data/js/tweets/2009_01.js``) are read, and answers of Twitter's API that somebody saved
    (``tweets.json``).  Advertising data and media files are left alone.
    """

    name = "twitter-archive"
    types = ("post", "favorite", "contact", "message")
    title = "Twitter archive"
    patterns: ClassVar[tuple[str, ...]] = (
        *(
            f"*{stem}.js"
            for stem in ("tweet", "tweets", "tweets-part?", "like", "follower", "following", "direct-messages", "direct-messages-group")
        ),
        *("*data/js/tweets/????_??.js", "*tweets.json"),
    )

    def read(self, archive: Archive) -> Iterator[Found]:
        # Without a scope of their own, saved answers come before the first one that is named.
        answers = archive.names(*(("*.json",) if archive.is_single else _ANSWERS))
        found, problems = exports(archive)
        if not answers and not found:
            raise Fatal(f"{archive.path} is no Twitter archive: it has neither tweets.js nor data/js/tweets nor tweets.json")
        for name in answers:
            yield from _answers(archive, name)
        yield from problems
        for export in sorted(found, key=lambda export: (export.id or "", export.folder)):
            yield from _export(archive, export)

    def map(self, type: str, body: Body) -> Body | None:
        body = mended(body)
        owner = text(obj(body.get("account")).get("username"))
        if type == "post":
            if "noteTweet" in body:
                return _twitter.note(obj(body["noteTweet"]), owner)
            tweet = obj(body.get("tweet")) or body
            return None if body.get("deleted") is True else _twitter.post(tweet, owner)
        if type == "favorite":
            kind = "bookmark" if "bookmark" in body else "like"
            return _twitter.favorite(obj(body.get(kind)) or body, kind)
        return _contact(body) if type == "contact" else _message(body)


def _export(archive: Archive, export: Export) -> Iterator[Found]:
    scope = ""
    for kind in SCOPES:
        for name in export.files.get(kind, []):
            if export.id and scope != SCOPES[kind]:
                scope = SCOPES[kind]
                yield Scope(f"account:{export.id}/{scope}", export.made, export.is_complete(scope))
            for found in elements(archive, name):
                yield from [found] if isinstance(found, Problem) else _items(found, kind, name, export)


def _items(element: Element, kind: str, file: str, export: Export) -> Iterator[Found]:
    said = obj(element.value)
    made = None
    if kind.startswith("direct-message"):
        conversation = obj(said.get("dmConversation"))
        made = text(conversation.get("conversationId"))
        if made:
            yield from _conversation(element, conversation, made)
    elif kind.endswith("tweet") and kind != "note-tweet":
        tweet = obj(said.get("tweet")) or said
        if made := _twitter.tweet_id(tweet):
            # Grailbird's tweets know their author; of today's archives, only account.js does.
            gone = kind == "deleted-tweet" or None
            body = tweet if "user" in tweet and not gone else known(tweet=tweet, account=export.account, deleted=gone)
            yield Item("post", f"deleted:{made}" if gone else made, keep(element, body))
    elif kind == "note-tweet":
        if made := text(obj(said.get("noteTweet")).get("noteTweetId")):
            yield Item("post", f"note:{made}", keep(element, {**said, **known(account=export.account)}))
    elif kind in ("like", "bookmark"):
        if made := text(obj(said.get(kind)).get("tweetId")):
            yield Item("favorite", made if kind == "like" else f"bookmark:{made}", element.body)
    elif made := _contact_key(kind, said, export):
        body = {**said, "account": export.account} if kind == "profile" else said
        yield Item("contact", made, keep(element, body))
    if not made:
        yield Problem(file, element.place, f"no {kind} with an id")


def _contact_key(kind: str, said: Body, export: Export) -> str | None:
    if kind in _PEOPLE:
        id = text(obj(said.get(_PEOPLE[kind])).get("accountId"))
        return id and f"{kind}:{id}"
    if kind == "contact":
        person = obj(said.get("contact"))
        id = text(person.get("id")) or ",".join(sorted([*texts(person.get("emails")), *texts(person.get("phoneNumbers"))]))
        return f"contact:{id}" if id else None
    id = export.id or text(obj(said.get("account")).get("accountId"))
    return f"{kind}:{id or 'me'}" if kind in said else None


def _conversation(element: Element, conversation: Body, id: str) -> Iterator[Item]:
    """Each event of a conversation is an item of its own, shaped like the conversation that would hold only it."""
    head = {name: value for name, value in conversation.items() if name != "messages"}
    if element.body is not element.value:
        yield Item("message", f"conversation:{id}", {"raw": element.body["raw"]})
    for event in objs(conversation.get("messages")):
        name = next(iter(event), "")
        said = obj(event.get(name))
        key = text(said.get("id")) or f"{id}:{name}:{text(said.get('createdAt')) or ''}"
        yield Item("message", key, {"dmConversation": head, **event})


def _answers(archive: Archive, name: str) -> Iterator[Found]:
    """Answers of Twitter's API: lists of tweets, people or messages, as they are or under a name."""
    liked = any(word in name.rpartition("/")[2].lower() for word in ("favorite", "like", "bookmark"))
    for found in elements(archive, name):
        if isinstance(found, Problem):
            yield found
            continue
        said = obj(found.value)
        inner = [one for field in ("statuses", "users", "events") for one in objs(said.get(field))]
        if any(isinstance(said.get(field), list) for field in ("statuses", "users", "events")):
            for number, one in enumerate(inner, 1):
                yield _answer(one, one, liked) or Problem(name, f"{found.place}, {number}", "neither a tweet nor a person nor a message")
        else:
            yield _answer(said, found.body, liked) or Problem(name, found.place, "neither a tweet nor a person nor a message")


def _answer(said: Body, body: Body, liked: bool) -> Item | None:
    id = _twitter.tweet_id(said)
    if id is None:
        return None
    if "message_create" in said or ("sender" in said and "recipient" in said):
        return Item("message", id, body)
    if "screen_name" in said:
        return Item("contact", id, body)
    if "text" in said or "full_text" in said:
        return Item("favorite" if liked else "post", id, body)
    return None


def _contact(body: Body) -> Body | None:
    if "screen_name" in body:
        return _twitter.user(body)
    for kind, wrapper in _PEOPLE.items():
        if person := obj(body.get(wrapper)):
            id = text(person.get("accountId"))
            return known(handles=[f"twitter-id:{id}"] if id else None, urls=unique([text(person.get("userLink"))]), relations=[kind])
    if "contact" in body:
        person = obj(body["contact"])
        return known(emails=[email.lower() for email in texts(person.get("emails"))], phones=texts(person.get("phoneNumbers")))
    return _owner(obj(body.get("account")), obj(body.get("profile")))


def _owner(account: Body, profile: Body) -> Body:
    """The archive's own person: ``account.js`` and ``profile.js`` each say a part."""
    id, name, described = text(account.get("accountId")), text(account.get("username")), obj(profile.get("description"))
    return known(
        name=text(account.get("accountDisplayName")),
        handles=unique([name and f"twitter:{name}", id and f"twitter-id:{id}"]),
        emails=unique([(text(account.get("email")) or "").lower()]),
        phones=unique([text(account.get("phoneNumber"))]),
        bio=text(described.get("bio")),
        urls=unique([name and f"{_twitter.SITE}/{name}", text(described.get("website"))]),
        photos=unique([text(profile.get("avatarMediaUrl"))]),
        address=[{"text": where}] if (where := text(described.get("location"))) else None,
    )


def _message(body: Body) -> Body | None:
    thread = text(obj(body.get("dmConversation")).get("conversationId"))
    for name in _MESSAGES:
        if name in body:
            return _twitter.message(obj(body[name]), thread)
    if "message_create" in body:
        return _twitter.event(body)
    return _twitter.message(body, thread) if "sender" in body else None
