"""
Slack's exports: channels, direct messages, threads, edits, deletions, bots and files, and the people who wrote them.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.connector import Item
from locker.error import Fatal
from locker.record import canonical
from tests.connectors import connector, mapped, read, read_checked

SLACK = connector("slack-archive")

USER = {
    "id": "U1",
    "team_id": "T1",
    "name": "ann",
    "deleted": False,
    "real_name": "Ann Lee",
    "updated": 1504336258,
    "profile": {
        "real_name": "Ann Lee",
        "display_name": "annie",
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "Ann@Example.org",
        "phone": "+1 555",
        "title": "Cook",
        "skype": "ann.lee",
        "image_24": "https://a.example/24.png",
        "image_512": "https://a.example/512.png",
    },
}
PARENT = {
    "type": "message",
    "user": "U1",
    "text": "who has <https://example.org/a?b&amp;c|the list>?",
    "ts": "1577836800.000100",
    "thread_ts": "1577836800.000100",
}
FILE = {"name": "list.txt", "title": "The list", "url_private": "https://files.slack.com/files-pri/T1-F1/list.txt?t=xoxe-1-2-3"}
REPLY = {
    "type": "message",
    "user": "U2",
    "text": "<@U1> here",
    "ts": "1577836860.000200",
    "thread_ts": "1577836800.000100",
    "user_profile": {"display_name": "bob", "real_name": "Bob Ray"},
    "edited": {"user": "U2", "ts": "1577836900.000000"},
    "reactions": [{"name": "tada", "users": ["U1"], "count": 1}],
    "files": [FILE],
}
BOT = {
    "type": "message",
    "subtype": "bot_message",
    "bot_id": "B1",
    "username": "ci",
    "text": "",
    "ts": "1577836870.000300",
    "attachments": [{"fallback": "x", "title": "Build", "text": "ok &lt;3"}],
}


def export(folder: Path, days: dict[str, Any], **lists: Any) -> Path:
    """An export's folder: days of messages by ``channel/date``, and its lists."""
    lists = {
        "users": [USER],
        "channels": [{"id": "C1", "name": "general", "members": ["U1", "U2"]}],
        "integration_logs": [{"user_id": "U1"}],
        **lists,
    }
    for name, content in {**lists, **days}.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def messages(items: list[Item]) -> dict[str, dict[str, Any]]:
    """What each message says, by key."""
    return {item.key: mapped(SLACK, item) for item in items if item.type == "message"}


def test_people(tmp_path: Path) -> None:
    """A user is a contact whose handles are the id, which messages name, and the name within the team."""
    items, problems, scopes = read_checked(SLACK, export(tmp_path, {}))
    assert [] == problems
    assert {
        "name": "Ann Lee",
        "given_name": "Ann",
        "family_name": "Lee",
        "nicknames": ["annie", "ann"],
        "emails": ["ann@example.org"],
        "phones": ["+1 555"],
        "handles": ["slack:U1", "slack:T1/ann", "skype:ann.lee"],
        "photos": ["https://a.example/512.png"],
        "title": "Cook",
        "updated": "2017-09-02T07:10:58Z",
    } == mapped(SLACK, items[0])
    assert [("team:T1/users", True), ("team:T1/messages", False)] == [(scope.name, scope.complete) for scope in scopes]


def test_a_thread_with_files_edits_and_reactions(tmp_path: Path) -> None:
    """Ids of messages and threads name channel and time; markup is plain text; files are attachments."""
    items, problems, _ = read_checked(SLACK, export(tmp_path, {"general/2020-01-01": [PARENT, REPLY, BOT]}))
    said = messages(items)
    assert [] == problems
    assert {
        "from": "U1",
        "text": "who has the list (https://example.org/a?b&c)?",
        "channel": "general",
        "message_id": "slack:C1:1577836800.000100",
        "thread": "slack:C1:1577836800.000100",
        "sent": "2020-01-01T00:00:00.000100Z",
    } == said["C1:1577836800.000100"]
    assert {
        "from": "U2",
        "from_name": "bob",
        "text": "@U1 here",
        "channel": "general",
        "message_id": "slack:C1:1577836860.000200",
        "thread": "slack:C1:1577836800.000100",
        "in_reply_to": "slack:C1:1577836800.000100",
        "sent": "2020-01-01T00:01:00.000200Z",
        "updated": "2020-01-01T00:01:40Z",
        "attachments": ["list.txt"],
        "reactions": ["tada"],
    } == said["C1:1577836860.000200"]
    bot = said["C1:1577836870.000300"]
    assert ("B1", "ci", "Build\nok <3", ["bot_message"]) == (bot["from"], bot["from_name"], bot["text"], bot["tag"])


def test_a_new_export_writes_new_tokens_but_no_new_messages(tmp_path: Path) -> None:
    """The access token in a file's address is a secret of one export; bodies are the same without it, and hold none."""
    first = read(SLACK, export(tmp_path / "a", {"general/2020-01-01": [REPLY]}))
    newer = json.loads(json.dumps(REPLY).replace("xoxe-1-2-3", "xoxe-9-9"))
    assert first == read(SLACK, export(tmp_path / "b", {"general/2020-01-01": [newer]}))
    assert "xoxe" not in canonical(first[0][-1].body or {})


def test_a_new_profile_edits_no_message(tmp_path: Path) -> None:
    """A message's body holds nothing of its sender but the id."""
    one, _, _ = read(SLACK, export(tmp_path / "a", {"general/2020-01-01": [PARENT]}))
    two, _, _ = read(SLACK, export(tmp_path / "b", {"general/2020-01-01": [PARENT]}, users=[{**USER, "name": "anna"}]))
    assert (True, False) == (one[-1] == two[-1], one[0] == two[0])


def test_direct_messages_have_recipients(tmp_path: Path) -> None:
    """Direct messages lie in a folder of their id, those of groups in one of their name; the other members are the recipients."""
    folder = export(
        tmp_path,
        {
            "D1/2020-01-01": [PARENT],
            "mpdm-ann--bob--cyd-1/2020-01-01": [PARENT],
            "secret/2020-01-01": [PARENT],
            "lost/2020-01-01": [PARENT],
        },
        dms=[{"id": "D1", "created": 1, "members": ["U1", "U2"]}],
        mpims=[{"id": "G2", "name": "mpdm-ann--bob--cyd-1", "members": ["U1", "U2", "U3"]}],
        groups=[{"id": "G1", "name": "secret", "members": ["U1", "U2"]}],
    )
    said = messages(read_checked(SLACK, folder)[0])
    assert {
        "D1:1577836800.000100": ("D1", ["U2"]),
        "G2:1577836800.000100": ("mpdm-ann--bob--cyd-1", ["U2", "U3"]),
        "G1:1577836800.000100": ("secret", None),
        "lost:1577836800.000100": ("lost", None),
    } == {key: (one["channel"], one.get("to")) for key, one in said.items()}


def test_deleted_and_changed_messages(tmp_path: Path) -> None:
    """A tombstone and a deletion say that a message is gone; a change is the message as it is now."""
    tombstone = {"type": "message", "subtype": "tombstone", "text": "This message was deleted.", "ts": "1.000100", "thread_ts": "1.000100"}
    deletion = {"type": "message", "subtype": "message_deleted", "deleted_ts": "2.000100", "ts": "3.000100"}
    change = {"type": "message", "subtype": "message_changed", "ts": "9.000100", "message": {**PARENT, "text": "new"}}
    items, problems, _ = read_checked(SLACK, export(tmp_path, {"general/2020-01-01": [tombstone, deletion, change]}, users=[]))
    assert [] == problems
    assert [("C1:1.000100", None), ("C1:2.000100", None)] == [(item.key, item.body) for item in items[:2]]
    assert {"new"} == {one["text"] for key, one in messages(items).items() if key == "C1:1577836800.000100"}


@pytest.mark.parametrize("root", ["", "Ours Slack export Jan 1 2020 - Feb 1 2020/"])
def test_a_zip_is_read_like_its_folder(tmp_path: Path, root: str) -> None:
    """Packed or not, and in whatever folder, an export gives the same; what Finder adds is not read."""
    folder = tmp_path / "a"
    export(folder / root, {"general/2020-01-01": [PARENT, REPLY], "general/2020-01-02": [BOT]})
    packed = shutil.make_archive(str(tmp_path / "b"), "zip", folder)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("__MACOSX/general/._2020-01-01.json", b"\0\5\x16\7")
        archive.writestr("__MACOSX/._users.json", b"\0\5\x16\7")
    assert read(SLACK, folder) == read(SLACK, packed)
    assert 4 == len(read(SLACK, folder)[0])


def test_what_cannot_be_read_does_not_stop_the_rest(tmp_path: Path) -> None:
    """Broken days, messages without a time, users without an id and flawed text are told of; everything else is there."""
    flawed = json.dumps([PARENT]).replace("who", "\\udc00")
    days = {"general/2020-01-01": flawed, "general/2020-01-02": "[", "general/2020-01-03": [{"text": "when?"}, 7, REPLY]}
    items, problems, _ = read_checked(SLACK, export(tmp_path, days, users=[{"name": "nobody"}, USER]))
    assert {
        ("users.json", "element 1"),
        ("general/2020-01-01.json", "element 1"),
        ("general/2020-01-02.json", "element 1"),
        ("general/2020-01-03.json", "element 1"),
        ("general/2020-01-03.json", "element 2"),
    } == {(problem.file, problem.place) for problem in problems}
    assert {"C1:1577836800.000100", "C1:1577836860.000200"} == set(messages(items))
    assert "raw" in (items[1].body or {})


def test_something_else_is_refused(tmp_path: Path) -> None:
    """A folder that is no Slack export is a clear error."""
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(Fatal, match="no Slack export"):
        read(SLACK, tmp_path)


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("<@U1> <@U1|jo>", "@U1 @jo"),
        ("<#C1|general> <#C1>", "#general #C1"),
        ("<!here> <!channel|@channel> <!subteam^S1|@cooks> <!subteam^S1>", "@here @channel @cooks @S1"),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
        ("<https://x.org/> <https://x.org/|x.org> <https://x.org/a|there>", "https://x.org/ https://x.org/ there (https://x.org/a)"),
        ("<mailto:a@x.org|a@x.org>", "a@x.org"),
        ("1 &lt; 2 &amp;amp; <> a > b", "1 < 2 &amp; <> a > b"),
    ],
)
def test_markup_becomes_plain_text(markup: str, plain: str) -> None:
    """References, links and escapes read as a person sees them."""
    assert plain == (SLACK.map("message", {"message": {"text": markup}}) or {})["text"]


@given(words=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_text_is_unescaped_once(words: str) -> None:
    """What Slack escapes comes back as it was written."""
    markup = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert words == (SLACK.map("message", {"message": {"text": markup}}) or {})["text"]


@given(micros=st.integers(1_000_000_000_000_000, 4_000_000_000_000_000))
def test_times_are_exact(micros: int) -> None:
    """A ts is exact to the microsecond, and stays so."""
    sent = (SLACK.map("message", {"message": {"ts": f"{micros // 1_000_000}.{micros % 1_000_000:06d}"}}) or {})["sent"]
    moment = datetime.fromisoformat(sent)
    assert micros == int(moment.replace(microsecond=0).astimezone(UTC).timestamp()) * 1_000_000 + moment.microsecond


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = (
    "ts",
    "text",
    "user",
    "user_profile",
    "thread_ts",
    "files",
    "file",
    "edited",
    "reactions",
    "attachments",
    "profile",
    "id",
    "name",
    "updated",
    "comment",
)


@given(said=st.dictionaries(st.sampled_from(names), anything, max_size=6), channel=anything, type=st.sampled_from(SLACK.types))
def test_map_never_raises(said: dict[str, Any], channel: Any, type: str) -> None:
    """Whatever a document holds, mapping it gives JSON or nothing."""
    canonical(SLACK.map(type, {"message": said, "channel": channel}) or {})
    canonical(SLACK.map(type, said) or {})
