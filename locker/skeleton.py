"""
Writes the first version of a connector: a service with one list, which works against the stand-in as it is written.
"""

from __future__ import annotations

import json
import re

from .error import Invalid

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_PYTHON = '''"""
Fetches what a person liked at {title}.
"""

from __future__ import annotations

from locker.connector import Bearer, Body, Fetching, PageNumber, Since, Stream, Who, moment


class {Class}(Fetching):
    """Likes.  See https://{name}.example/api for the service's own words."""

    name = "{name}"
    types = ("favorite",)
    title = "{title}"
    base_url = "https://api.{name}.example"
    auth = (Bearer(help="make one at https://{name}.example/settings/tokens"),)
    who = Who(path="/me", facts={{"id": "id", "username": "login"}})
    streams = (
        Stream(
            name="likes",
            type="favorite",
            path="/users/{{username}}/likes",
            items="likes",
            key="id",
            paging=PageNumber(param="page", size_param="per_page", size=50),
            since=Since(param="liked_after", path="liked_at", kind="iso", overlap=60),
        ),
    )

    def map(self, type: str, body: Body) -> Body | None:
        page = body.get("page")
        if not isinstance(page, dict) or not isinstance(page.get("url"), str):
            return None
        fields = {{"url": page["url"], "title": page.get("title"), "created": moment(body.get("liked_at"))}}
        return {{name: value for name, value in fields.items() if isinstance(value, str)}}
'''

_TOML = """# Fetches what a person liked at {title}.  See https://{name}.example/api for the service's own words.
name = "{name}"
title = "{title}"
base_url = "https://api.{name}.example"

[[auth]]
kind = "bearer"  # or api-key, basic, oauth2, oauth1
help = "make one at https://{name}.example/settings/tokens"

[who]
path = "/me"
facts = {{ id = "id", username = "login" }}

[[streams]]
name = "likes"
type = "favorite"
path = "/users/{{username}}/likes"
items = "likes"
key = "id"
paging = {{ style = "page", param = "page", size_param = "per_page", size = 50 }}
since = {{ param = "liked_after", path = "liked_at", kind = "iso", overlap = 60 }}

[map.favorite]
url = "page.url"
title = "page.title"
created = "liked_at"
"""

_TEST = '''"""
{title}: the connector does what every connector must do, and maps what it fetches.
"""

from __future__ import annotations

import json
from pathlib import Path

from locker.conformance import ConnectorContract
from locker.plugin import at

HERE = Path(__file__).parent


class Test{Class}(ConnectorContract):
    """Every check of the conformance kit."""

    path = HERE / "{file}"


def test_a_like_becomes_a_favorite() -> None:
    """The page that was liked is what the favorite is of."""
    (connector,) = at(HERE / "{file}")
    like = json.loads((HERE / "{stem}.json").read_text())["streams"]["likes"][0]
    expected = {{"url": "https://pages.example/3", "title": "Page 3", "created": "2026-01-03T12:00:00Z"}}
    assert expected == connector.map("favorite", like)
'''


def files(name: str, *, toml: bool = False) -> dict[str, str]:
    """The texts of a new connector by their file names, the connector itself first.  Raises Invalid for a name that cannot be one."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name!r} cannot be a connector's name; it may have a to z, 0 to 9 and - within, as in book-shelf")
    stem = name.replace("-", "_")
    file = f"{stem}.toml" if toml else f"{stem}.py"
    words = {
        "name": name,
        "stem": stem,
        "file": file,
        "title": name.replace("-", " ").capitalize(),
        "Class": "".join(part.capitalize() for part in name.split("-")),
    }
    return {
        file: (_TOML if toml else _PYTHON).format(**words),
        f"{stem}.json": json.dumps(_samples(), indent=2) + "\n",
        f"test_{stem}.py": _TEST.format(**words),
    }


def _samples() -> dict[str, object]:
    likes = [
        {"id": n, "liked_at": f"2026-01-0{n}T12:00:00Z", "page": {"url": f"https://pages.example/{n}", "title": f"Page {n}"}}
        for n in (3, 2, 1)
    ]
    return {"account": {"id": "7", "username": "pat"}, "streams": {"likes": likes}}
