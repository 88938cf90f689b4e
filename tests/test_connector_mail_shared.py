"""
Real and deliberately broken mail beside the checkout: all of it is read, as other parsers read it.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest

from locker.connector import Body
from tests.connectors import connector, mapped, read, read_checked
from tests.shared import DATA, needs_shared

EML, MAILDIR = connector("eml"), connector("maildir")

SINGLE = {
    "email-cpython": 30,
    "email-flanker": 16,
    "email-mail-parser": 6,
    "email-ruby-mail": 48,
    "email-stalwart": 20,
    "huginn": 1,
    "imap-mailkit": 9,
}


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(("folder", "count"), SINGLE.items())
def test_shared_messages(folder: str, count: int) -> None:
    """Every single message beside the checkout is read, without a problem."""
    wanted = {"huginn": "*.eml", "imap-mailkit": "*.msg"}.get(folder, "*")
    paths = [path for path in sorted((DATA / folder).rglob(wanted)) if path.is_file() and path.suffix != ".json"]
    paths = [path for path in paths if not path.name.startswith(("LICENSE", "README"))]
    kinds: Counter[str] = Counter()
    for path in paths:
        found, problems, _ = read_checked(EML, path)
        kinds.update(item.type for item in found)
        assert [] == problems
    assert count == len(paths) == kinds["message"]


@needs_shared
@pytest.mark.shared
def test_shared_maildir() -> None:
    """Nested folders and stray files count too."""
    found, problems, _ = read_checked(MAILDIR, DATA / "maildir-notmuch")
    messages = [item for item in found if "message" == item.type]
    assert (53, []) == (len(messages), problems)
    assert {"foo", "foo/baz", "bar", "bar/baz"} == {tag for item in messages for tag in mapped(MAILDIR, item).get("tag", [])}


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("name", [f"{kind}/00{number}" for kind in ("rfc", "thirdparty") for number in range(10)])
def test_shared_expectations(name: str) -> None:
    """Subject, addresses, the first text and attachments' names are what another parser found in the same file."""
    expected = json.loads((DATA / "email-stalwart" / f"{name}.json").read_text())
    body = read(EML, DATA / "email-stalwart" / f"{name}.eml")[0][0].body or {}
    top = {one["name"]: one["value"] for one in expected["parts"][0]["headers"] if isinstance(one["name"], str)}
    assert (top.get("subject") or {"Text": ""})["Text"] == body.get("subject", "")
    for field in ("from", "to"):
        listed = ((top.get(field) or {}).get("Address") or {}).get("List", [])
        assert [one["address"] or one["name"] for one in listed] == [one.get("address") or one.get("name") for one in body.get(field, [])]
    for number in expected["text_body"][:1]:
        first = expected["parts"][number]["body"].get("Text", "").replace("\r", "\n").replace("\0", "")
        assert " ".join(first.split()) in " ".join(body["text"].split())
    named = [_file_name(expected["parts"][number]) for number in expected["attachments"]]
    assert [one for one in named if one] == body.get("attachments", [])


def _file_name(part: Body) -> str | None:
    told: dict[str, str] = {}
    for name in ("content_type", "content_disposition"):
        for one in part["headers"]:
            if name == one["name"] and isinstance(one["value"], dict):
                told |= {each["name"]: each["value"] for each in one["value"]["ContentType"]["attributes"] or []}
    return told.get("filename") or told.get("name")
