"""
Fetches favorites, own photos and contacts from Flickr's API.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs

from locker.connector import (
    DAY,
    HOUR,
    Answer,
    ApiKey,
    Authorisation,
    Body,
    Fetching,
    OAuth1,
    Option,
    Pace,
    PageNumber,
    Since,
    Stream,
    Who,
)
from locker.error import LockerError, Retriable, Skippable, Unauthorized

from ._loose import known, number, obj, text, unique
from ._moment import moment
from ._said import is_quiet, said

_SITE = "https://www.flickr.com"
_EXTRAS = (
    "description,license,date_upload,date_taken,owner_name,icon_server,original_format,last_update,geo,tags,machine_tags,media,path_alias,"
    "url_q,url_n,url_z,url_l,url_o"
)
_SIZES = ("o", "6k", "5k", "4k", "3k", "k", "h", "l", "c", "z", "m", "n", "s", "t", "q", "sq")
_REFUSED = {96, 97, 98, 99, 100}
_UNWELL = {0, 10, 105, 106}


def _call(method: str, **params: str) -> dict[str, str]:
    return {"method": method, "format": "json", "nojsoncallback": "1", **params}


def _pages(list: str, size: int = 500) -> PageNumber:
    return PageNumber(param="page", size_param="per_page", size=size, pages=f"{list}.pages")


class Flickr(Fetching):
    """Each photo and person as the API gives it, under its id; photos with all fields that last and without view counts.

    With an API key alone, another's public lists can be fetched: ``--option user=78733179@N04``.
    """

    name = "flickr"
    types = ("favorite", "photo", "contact")
    title = "Flickr"
    base_url = "https://api.flickr.com"
    auth: ClassVar[tuple[Authorisation, ...]] = (
        OAuth1(
            request=f"{_SITE}/services/oauth/request_token",
            authorize=f"{_SITE}/services/oauth/authorize",
            access=f"{_SITE}/services/oauth/access_token",
            params={"perms": "read"},
        ),
        ApiKey(param="api_key", help="flickr.com/services/apps/create; public lists only, together with the option user"),
    )
    who = Who(path="/services/rest", facts={"id": "user.id", "username": "user.username._content"}, params=_call("flickr.test.login"))
    asks = (Option(name="user", help="whose lists, as in 78733179@N04; without it those of the account", account=True, default="me"),)
    # 3600 an hour for all users of a key; no header tells what is left.
    pace = Pace(requests=3600, seconds=HOUR, per="client")
    streams = (
        Stream(
            name="favorites", type="favorite", path="/services/rest", items="photos.photo", paging=_pages("photos"), order="newest",
            params=_call("flickr.favorites.getList", user_id="{user}", extras=_EXTRAS),
            since=Since(param="min_fave_date", path="date_faved", kind="epoch", overlap=DAY),
        ),
        Stream(
            name="photos", type="photo", path="/services/rest", items="photos.photo", paging=_pages("photos"), order="newest",
            params=_call("flickr.people.getPhotos", user_id="{user}", extras=_EXTRAS),
        ),
        Stream(
            name="contacts", type="contact", path="/services/rest", items="contacts.contact || contacts && `[]`", key="nsid", paging=_pages("contacts", 1000), every=DAY,
            params=_call("flickr.contacts.getList"),
        ),
    )  # fmt: skip

    def judge(self, answer: Answer) -> LockerError | None:
        if is_quiet(answer, b'"fail"'):
            return None
        if b"oauth_problem" in answer.body:
            problem = " ".join(parse_qs(answer.text()).get("oauth_problem", ()))
            if problem in ("timestamp_refused", "nonce_used"):
                return Retriable(f"Flickr refuses the moment of the request: {problem}; is the clock right?", after=60)
            return Unauthorized(f"Flickr refuses the token: {problem or 'without a reason'}; connect again")
        body = said(answer)
        if body.get("stat") != "fail":
            return None
        code, message = number(body.get("code")), f"Flickr says: {text(body.get('message')) or 'it failed'} ({text(body.get('code'))})"
        if code in _REFUSED:
            return Unauthorized(f"{message}; connect again")
        if code in _UNWELL:
            return Retriable(message)
        return Skippable(message)

    def map(self, type: str, body: Body) -> Body | None:
        if type == "contact":
            return _person(body)
        owner = text(body.get("owner"), obj(body.get("owner")).get("nsid"))
        author = text(body.get("ownername"), body.get("username"), obj(body.get("owner")).get("username"), owner)
        shared = known(
            title=_content(body.get("title")),
            description=_content(body.get("description")),
            author=author,
            tag=(text(body.get("tags")) or "").split(),
            thumbnail=text(*(body.get(f"url_{size}") for size in ("q", "n", "s", "t", "sq"))),
            updated=moment(body.get("lastupdate")),
        )
        uploaded = moment(body.get("dateupload")) or moment(body.get("dateuploaded"))
        if type == "favorite":
            id, alias = text(body.get("id")), text(body.get("pathalias"), owner)
            url = f"{_SITE}/photos/{alias}/{id}" if id and alias else _picture(body)[0]
            return shared | known(url=url, kind=text(body.get("media")) or "photo", created=moment(body.get("date_faved")) or uploaded)
        url, width, height = _picture(body)
        is_unknown = text(body.get("datetakenunknown")) == "1"
        taken = moment(body.get("datetaken")) or moment(obj(body.get("dates")).get("taken"))
        return shared | known(url=url, width=width, height=height, taken=uploaded if is_unknown else taken or uploaded)


def _picture(body: Body) -> tuple[str | None, Any, Any]:
    """The address of the largest size that is told, with its width and height; else where it must be."""
    for size in _SIZES:
        if url := text(body.get(f"url_{size}")):
            return url, number(body.get(f"width_{size}")), number(body.get(f"height_{size}"))
    server, id, secret = text(body.get("server")), text(body.get("id")), text(body.get("secret"))
    return (f"https://live.staticflickr.com/{server}/{id}_{secret}.jpg" if server and id and secret else None), None, None


def _person(body: Body) -> Body:
    id, name, alias = text(body.get("nsid"), body.get("id")), _content(body.get("username")), text(body.get("path_alias"))
    page = _content(body.get("profileurl")) or (f"{_SITE}/people/{alias or id}" if alias or id else None)
    where = _content(body.get("location"))
    return known(
        name=_content(body.get("realname")) or name,
        nicknames=[name] if name and _content(body.get("realname")) else None,
        handles=unique([id and f"flickr:{id}"]),
        urls=unique([page]),
        address=[{"text": where}] if where else None,
        bio=_content(body.get("description")),
    )


def _content(value: Any) -> str | None:
    """A text, which Flickr writes as one or as ``{"_content": …}``."""
    return text(value, obj(value).get("_content"))
