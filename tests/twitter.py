"""
Twitter archives as a person gets them, small: one of today with every kind of file, and one as they were before 2019.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TWEET = {
    "id": "1050118621198921728",
    "id_str": "1050118621198921728",
    "created_at": "Wed Oct 10 20:19:24 +0000 2018",
    "full_text": "Tea &amp; cake with @jo, see https://t.co/a #Tea https://t.co/p",
    "lang": "en",
    "entities": {
        "hashtags": [{"text": "Tea"}],
        "user_mentions": [{"screen_name": "jo", "id_str": "12"}],
        "urls": [{"url": "https://t.co/a", "expanded_url": "https://example.org/cake"}],
        "media": [
            {
                "url": "https://t.co/p",
                "media_url": "http://pbs.example/1.jpg",
                "media_url_https": "https://pbs.example/1.jpg",
                "type": "photo",
            }
        ],
    },
    "extended_entities": {
        "media": [
            {"media_url_https": "https://pbs.example/1.jpg", "type": "photo"},
            {"media_url_https": "https://pbs.example/2.jpg", "type": "photo"},
            {"media_url_https": "https://pbs.example/poster.jpg", "type": "video"},
        ]
    },
}
ACCOUNT = {
    "account": {"accountId": "7", "username": "ann", "accountDisplayName": "Ann", "email": "Ann@Example.org", "phoneNumber": "+1555"}
}
CONVERSATION = {
    "dmConversation": {
        "conversationId": "7-12",
        "messages": [
            {
                "messageCreate": {
                    "id": "900",
                    "senderId": "12",
                    "recipientId": "7",
                    "text": "look &gt; https://t.co/z",
                    "createdAt": "2020-02-03T04:05:06.789Z",
                    "mediaUrls": ["https://ton.twitter.com/dm/900/901/abc.jpg"],
                    "urls": [{"url": "https://t.co/z", "expanded": "https://example.org/z", "display": "example.org/z"}],
                }
            }
        ],
    }
}
GROUP = {
    "dmConversation": {
        "conversationId": "5005",
        "messages": [
            {
                "messageCreate": {
                    "id": "910",
                    "senderId": "7",
                    "text": "hi all",
                    "createdAt": "2020-02-04T00:00:00.000Z",
                    "mediaUrls": [],
                    "urls": [],
                }
            },
            {"participantsLeave": {"userIds": ["12"], "createdAt": "2020-02-04T01:00:00.000Z"}},
            {"conversationNameUpdate": {"initiatingUserId": "7", "name": "us", "createdAt": "2020-02-04T02:00:00.000Z"}},
        ],
    }
}
NOTE = {
    "noteTweet": {
        "noteTweetId": "77",
        "createdAt": "2023-02-18T12:00:00.000Z",
        "core": {
            "text": "long &amp; more",
            "hashtags": [{"text": "Long"}],
            "mentions": [{"screenName": "jo"}],
            "urls": [{"shortUrl": "https://t.co/q", "expandedUrl": "https://example.org/q"}],
        },
    }
}
TODAY: dict[str, list[Any]] = {
    "account": [ACCOUNT],
    "profile": [
        {
            "profile": {
                "description": {"bio": "tea", "website": "https://ann.example", "location": "Ulm"},
                "avatarMediaUrl": "https://pbs.example/a.jpg",
            }
        }
    ],
    "tweets": [{"tweet": TWEET}],
    "tweets-part1": [{"tweet": {**TWEET, "id_str": "20", "id": "20", "full_text": "RT @jo: cake"}}],
    "deleted-tweets": [{"tweet": {**TWEET, "id_str": "21", "id": "21", "deleted_at": "Thu Oct 11 20:19:24 +0000 2018"}}],
    "twitter-circle-tweet": [{"tweet": {**TWEET, "id_str": "22", "id": "22"}}],
    "note-tweet": [NOTE],
    "like": [
        {
            "like": {
                "tweetId": "1050118621198921728",
                "fullText": "so &lt;good&gt;",
                "expandedUrl": "https://twitter.com/i/web/status/1050118621198921728",
            }
        }
    ],
    "follower": [{"follower": {"accountId": "12", "userLink": "https://twitter.com/intent/user?user_id=12"}}],
    "following": [{"following": {"accountId": "12", "userLink": "https://twitter.com/intent/user?user_id=12"}}],
    "block": [{"blocking": {"accountId": "13", "userLink": "https://twitter.com/intent/user?user_id=13"}}],
    "contact": [{"contact": {"id": "c1", "emails": ["Jo@Example.org"], "phoneNumbers": ["+49731"]}}],
    "direct-messages": [CONVERSATION],
    "direct-messages-group": [GROUP],
    "ad-impressions": [{"ad": {"adsUserData": {}}}],
}


def script(name: str, content: Any) -> str:
    """A file as today's archives have it."""
    return f"window.YTD.{name.replace('-', '_')}.part0 = {json.dumps(content, indent=2)}"


def manifest(files: list[str], partial: bool = False) -> str:
    """What a manifest says: whose archive, when it was made, which files it has."""
    listed = {name: {"files": [{"fileName": f"data/{name}.js", "globalName": f"YTD.{name}.part0", "count": "1"}]} for name in files}
    about = {"generationDate": "2024-05-06T07:08:09.000Z", "isPartialArchive": partial}
    return f"window.__THAR_CONFIG = {json.dumps({'userInfo': {'accountId': '7', 'userName': 'ann'}, 'archiveInfo': about, 'dataTypes': listed})}"


def write(folder: Path, files: dict[str, str]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return folder


def today(folder: Path, root: str = "data/", **more: str) -> Path:
    """An archive of today: every kind of file, a manifest and the viewer's own scripts."""
    files = {f"{root}{name}.js": script(name, content) for name, content in TODAY.items()}
    return write(folder, {**files, f"{root}manifest.js": manifest(list(TODAY)), "assets/js/main.1a2b.js": "!function(){}()", **more})


GRAILBIRD = {
    "id": 4368692718,
    "id_str": "4368692718",
    "created_at": "2009-09-26 20:36:37 +0000",
    "text": "@jo RT? &lt;3",
    "in_reply_to_status_id_str": "4368692000",
    "in_reply_to_screen_name": "jo",
    "entities": {
        "hashtags": [],
        "user_mentions": [{"screen_name": "jo"}],
        "urls": [],
        "media": [{"media_url_https": "https://pbs.example/g.jpg"}],
    },
    "user": {"id_str": "7", "screen_name": "ann", "protected": True},
}


def grailbird(folder: Path, listed: tuple[str, ...] = ("2009_09",)) -> Path:
    """An archive as it was before 2019."""
    index = [{"file_name": f"data/js/tweets/{month}.js", "tweet_count": 1} for month in listed]
    return write(
        folder,
        {
            "data/js/tweets/2009_09.js": f"Grailbird.data.tweets_2009_09 = \n {json.dumps([GRAILBIRD])}",
            "data/js/user_details.js": 'var user_details =  {"screen_name": "ann", "id": "7", "full_name": "Ann"}',
            "data/js/payload_details.js": 'var payload_details = {"tweets": 1, "created_at": "Mon May 03 00:19:05 +0000 2021", "lang": "en"}',
            "data/js/tweet_index.js": f"var tweet_index = {json.dumps(index)}",
            "js/application.js": "$(function(){})",
        },
    )
