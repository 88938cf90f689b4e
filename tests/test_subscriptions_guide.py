"""What docs/subscriptions.md shows is so: its programs and statements are run, and its numbers are those of the code."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

from locker import courier, lane, sorter, verdict
from locker.filter import Filter
from locker.locker import Locker
from locker.receiver import Receiver
from locker.retry import DELAYS, Schedule
from locker.subscription import CONCURRENCY, Policy

from .receiving import listening, sending, until

GUIDE = (Path(__file__).parents[1] / "docs" / "subscriptions.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_guide_has_its_examples() -> None:
    """A renamed block cannot silently drop its examples."""
    assert (3, 2) == (len(blocks("python")), len(blocks("sql")))


async def test_its_signature_checks_accept_what_is_sent_and_nothing_else(tmp_path: Path) -> None:
    """Both ways: with the package, and by hand; after a rotation with either secret."""
    package, by_hand, _ = blocks("python")
    made: dict[str, Any] = {}
    exec(by_hand, made)
    async with listening() as receiver, sending(tmp_path) as sender:
        subscription, secret = sender.subscriptions.add("me", Filter(("me",)), Receiver(receiver.url()))
        sender.put("a", 1)
        await until(lambda: receiver.heard)
        fresh = sender.subscriptions.rotate(subscription.id)
        sender.subscriptions.test(subscription.id)
        await until(lambda: len(receiver.heard) == 2)
    for heard, secrets in zip(receiver.heard, ([secret], [secret, fresh]), strict=True):
        headers = {name.lower(): value for name, value in heard.headers.items()}
        for each in secrets:
            assert made["is_ours"](each, headers, heard.raw)
            names: dict[str, Any] = {"secret": each, "headers": headers, "body": heard.raw}
            exec(package, names)
            assert subscription.id == names["said"]["subscription"]
        assert not made["is_ours"](secret, headers, heard.raw + b" ")
        assert not made["is_ours"](secret, headers | {"webhook-timestamp": "1614265330"}, heard.raw)


async def test_its_statements_find_what_became_of_each(tmp_path: Path) -> None:
    """How often each outcome was, and the newest attempt that failed."""
    async with listening(lambda heard: 404 if heard.key == "bad" else 200) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url(), policy=Policy(retry=Schedule(())))
        sender.put("good", 1)
        sender.put("bad", 2)
        await until(lambda: len(sender.kinds(made)) == 2)
        count, failed = blocks("sql")
        found = sqlite3.connect(f"file:{tmp_path / 'log.sqlite'}?mode=ro", uri=True)
        assert [("dead", 1), ("delivered", 1)] == found.execute(count).fetchall()
        assert [(f"{made.id} me/mine:2", 404, None)] == [row[1:] for row in found.execute(failed)]
        found.close()


def test_its_program_runs(tmp_path: Path) -> None:
    """The block for Python programs, over a new locker."""
    with Locker(tmp_path, keys=tmp_path / "keys") as locker:
        names: dict[str, Any] = {"locker": locker}
        exec(blocks("python")[2], names)
        assert ("active", [], []) == (locker.subscriptions.get(names["subscription"].id).status, names["newest"], names["dead"])
        assert 0 == names["progress"]["waiting"]


def test_its_numbers_are_those_of_the_code() -> None:
    """Limits, times and pauses."""
    text = " ".join(GUIDE.split())
    for said in (
        f"at most {lane.MOST:,} letters",
        f"{lane.FAILURES} times in a row".replace("3", "three"),
        f"within {courier.TIMEOUT.total} seconds",
        f"the first {verdict.SHOWN_BYTES} bytes",
        f"{courier.MOST_BYTES // 1024} KiB are read",
        f"`delivery.concurrency` ({CONCURRENCY})",
        f"up to {sorter.MOST_AGAIN:,} dead letters",
    ):
        assert said in text
    assert (5, 300, 1800, 7200, 18000, 36000, 36000) == DELAYS
    assert "after 5 seconds, 5 minutes, 30 minutes, 2, 5, 10 and 10 hours" in text
