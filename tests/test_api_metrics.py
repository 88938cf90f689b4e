"""``/metrics``: the figures are those of a state that is known, for admins only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from locker.account import KINDS
from locker.filter import Filter
from locker.guard import Guard
from locker.locker import Locker
from locker.receiver import Receiver
from locker.retry import Schedule
from locker.subscription import Policy

from .api_server import Server, served
from .listening_live import events
from .receiving import LOOPBACK, Heard, listening, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that delivers to this machine."""
    with Locker(tmp_path, keys=tmp_path / "keys", guard=Guard(LOOPBACK)) as locker, served(locker, trust_loopback=False) as made:
        yield made


def figures(server: Server) -> dict[str, float]:
    """Every sample by its name and labels."""
    answer = server.get("/metrics", headers={"Authorization": f"Bearer {server.tokens.make('me', KINDS)}"})
    assert 200 == answer.status_code, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[" ".join([sample.name, *sample.labels.values()])] = sample.value
    return found


async def test_deliveries_and_followers(server: Server) -> None:
    """Attempts by outcome, their time, dead letters, subscriptions, live streams and positions, of what just happened."""
    locker = server.locker

    def refuse(heard: Heard) -> int:
        return 404 if heard.key == "bad" else 200

    async with listening(refuse) as receiver, events(f"{server.url}/live?source=x&access_token={server.tokens.make('me')}"):
        for status in ("active", "paused"):
            made, _ = locker.subscriptions.add("me", Filter(("me",)), Receiver(receiver.url()), delivery=Policy(retry=Schedule(())))
            if status == "paused":
                locker.subscriptions.pause(made.id)
        await asyncio.to_thread(locker.deliver)
        await asyncio.to_thread(locker.push, "me", "mine", [{"type": "note", "key": key, "body": {}} for key in ("a", "b", "bad")])
        await until(lambda: locker.deliveries.queues()["dead"] == 1 and locker.deliveries.figures.attempts == 3)
        await asyncio.to_thread(locker.catch_up)
        await until(lambda: locker.watching.lag(locker.deliveries.queues()["position"]).records == 0)
        found = await asyncio.to_thread(figures, server)
    assert (2, 0, 0, 1) == tuple(found[f"locker_delivery_attempts_total {name}"] for name in ("delivered", "discarded", "failed", "dead"))
    assert (3, 3) == (found["locker_delivery_seconds_bucket +Inf"], found["locker_delivery_seconds_count"])
    assert (1, 0) == (found["locker_delivery_dead_letters"], found["locker_delivery_queue waiting"])
    assert (1, 1, 0) == tuple(found[f"locker_subscriptions {name}"] for name in ("active", "paused", "disabled"))
    assert 1 == found["locker_live_connections"]
    assert 0 == found["locker_follower_lag_records deliveries"] == found["locker_follower_lag_seconds deliveries"]
    assert found["locker_log_position"] >= found["locker_follower_position composer"] > 0
    assert found["process_resident_memory_bytes"] > 0


def test_requests_and_connections(server: Server) -> None:
    """Requests are counted by the class of their status, connections by their mode; what is behind says by how much."""
    server.locker.connections.add("me", "github", secrets={"token": "planted"})
    server.get("/health")
    server.get("/list")
    found = figures(server)
    assert (1, 0) == (found["locker_connections initial"], found["locker_connections normal"])
    assert 1 <= found["locker_http_requests_total 2xx"]
    assert 1 <= found["locker_http_requests_total 4xx"]
    lag = server.locker.watching.lag(0)
    assert (True, True) == (lag.records > 0, lag.seconds > 0)


@pytest.mark.parametrize("is_open", [False, True])
def test_this_machine_may_be_let_in(tmp_path: Path, is_open: bool) -> None:
    """Without a token only if the setting says so, and not for what a web page or a proxy sends; nothing else is opened by it."""
    with Locker(tmp_path) as locker, served(locker, trust_loopback=False, metrics_loopback=is_open) as server:
        assert (200 if is_open else 401) == server.get("/metrics").status_code
        for headers in ({"Origin": "http://evil.example"}, {"X-Forwarded-For": "9.9.9.9"}, {"Host": "evil.example"}):
            assert 401 == server.get("/metrics", headers=headers).status_code
        assert 401 == server.get("/list").status_code
        for scopes in (("read", "write"), ("admin",)):
            headers = {"Authorization": f"Bearer {server.tokens.make('me', scopes)}"}
            assert (200 if is_open or "admin" in scopes else 403) == server.get("/metrics", headers=headers).status_code
