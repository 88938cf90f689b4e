"""What a delivery may reach, say and believe: the guard, signatures, secrets, limits and lies, each through a delivery that is really sent."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from locker.draft import Draft
from locker.error import Invalid
from locker.filter import Filter
from locker.guard import Guard
from locker.receiver import MASK, Receiver
from locker.record import Body
from locker.retry import Schedule
from locker.subscription import BEGINNING, REQUEST, TYPE, Policy, Subscription

from .receiving import LOOPBACK, QUICK, Heard, Sending, listening, sending, until

ONCE = Policy(retry=Schedule(()))


async def told(sender: Sending, made: Subscription, thing: str = "me/mine:1") -> Body:
    """The newest outcome of a thing, once there is one."""
    await until(lambda: sender.deliveries.history(made.id, thing))
    return sender.deliveries.history(made.id, thing)[-1].body


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.8.9.10", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "0.0.0.0",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fd00:ec2::254]",
        "[fe80::1]", "[fec0::1]", "224.0.0.1", "[ff02::1]",
    ],
)  # fmt: skip
async def test_private_addresses_are_not_called(tmp_path: Path, host: str) -> None:
    """In no form of IPv4 or IPv6, mapped, translated or tunnelled; a cloud's metadata neither.  The outcome says why."""
    async with listening() as receiver, sending(tmp_path, guard=Guard()) as sender:
        made = sender.add(f"http://{host}:{receiver.server.port}/", policy=ONCE)
        sender.put("a", 1)
        outcome = await told(sender, made)
        assert "dead" == outcome["outcome"]
        assert "guard" in outcome["error"]
        assert [] == receiver.heard


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.1", "127.0.0.1.", "[fe80::1%25eth0]", "127.0.0.1%00"]
)
async def test_disguised_addresses_are_refused_when_a_subscription_is_made(tmp_path: Path, host: str) -> None:
    """Decimal, octal, hexadecimal and shortened addresses are no hosts."""
    async with sending(tmp_path, start=False) as sender:
        with pytest.raises(Invalid):
            sender.add(f"http://{host}/")


async def test_a_name_that_leads_elsewhere_later_is_judged_anew(tmp_path: Path) -> None:
    """DNS rebinding: the answer that was judged is the one connected to, and a new connection is judged again."""
    answers = ["127.0.0.1"]

    def lookup(host: str, port: int) -> list[str]:
        assert host == "hook.example"
        return [answers[min(1, len(answers) - 1)]]

    async def answer(heard: Heard) -> web.Response:
        return web.Response(headers={"Connection": "close"})

    async with listening(answer) as receiver, sending(tmp_path, guard=Guard((ip_network("127.0.0.1/32"),), lookup)) as sender:
        made = sender.add(receiver.url(host="hook.example"), policy=ONCE)
        sender.put("a", 1)
        assert 200 == (await told(sender, made))["status"]
        answers.append("127.0.0.2")
        sender.put("b", 2)
        outcome = await told(sender, made, "me/mine:2")
        assert "127.0.0.2" in outcome["error"]
        assert [f"hook.example:{receiver.server.port}"] == [heard.headers["Host"] for heard in receiver.heard]


async def test_a_name_with_a_public_and_a_private_address_reaches_the_allowed_one_alone(tmp_path: Path) -> None:
    """What the resolver adds is left out."""
    async with (
        listening() as receiver,
        sending(tmp_path, guard=Guard((ip_network("127.0.0.1/32"),), lambda *_: ["10.0.0.1", "127.0.0.1"])) as sender,
    ):
        made = sender.add(receiver.url(host="hook.example"))
        sender.put("a", 1)
        assert 200 == (await told(sender, made))["status"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_failures(tmp_path: Path, status: int) -> None:
    """Nobody goes where a receiver points; the outcome has the status."""

    def answer(heard: Heard) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with listening(answer) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url("/here"), policy=ONCE)
        sender.put("a", 1)
        outcome = await told(sender, made)
        assert ("dead", status) == (outcome["outcome"], outcome["status"])
        assert ["/here"] == [heard.path for heard in receiver.heard]


async def test_every_notification_is_signed(tmp_path: Path) -> None:
    """Retries and tests too, with the same id and a time of their own; while the secret rotates both verify."""
    async with listening(500) as receiver, sending(tmp_path) as sender:
        made, secret = sender.subscriptions.add("me", Filter(("me",)), Receiver(receiver.url()), delivery=Policy(retry=QUICK))
        sender.put("a", 1)
        await until(lambda: len(receiver.heard) > 1)
        receiver.answer = 200
        await until(lambda: sender.kinds(made) == {"me/mine:1": "delivered"})
        assert 1 == len({heard.headers["webhook-id"] for heard in receiver.heard})
        fresh = sender.subscriptions.rotate(made.id)
        count = len(receiver.heard)
        sender.subscriptions.test(made.id)
        await until(lambda: len(receiver.heard) == count + 1)
        for heard in receiver.heard:
            Webhook(secret).verify(heard.raw, dict(heard.headers))
        Webhook(fresh).verify(receiver.heard[-1].raw, dict(receiver.heard[-1].headers))


async def test_secrets_reach_the_receiver_and_nobody_else(tmp_path: Path) -> None:
    """A header's secret value is in no file, in plain; an outcome's URL ends before its query, which may hold a token."""
    url, to = "/x?token=in-the-query", {"Authorization": "Bearer in-the-header", "X-Source": "locker"}
    async with listening(500) as receiver, sending(tmp_path) as sender:
        made, secret = sender.subscriptions.add(
            "me", Filter(("me",)), Receiver.of({"url": receiver.url(url), "headers": to}), delivery=ONCE
        )
        sender.put("a", 1)
        outcome = await told(sender, made)
        heard = receiver.heard[0]
        assert ("Bearer in-the-header", "locker", url) == (heard.headers["Authorization"], heard.headers["X-Source"], heard.path)
        assert receiver.url("/x") == outcome["url"]
        assert MASK in json.dumps(made.as_dict())
        assert [] == _holding(tmp_path, b"in-the-header", secret.encode())


async def test_secrets_that_a_receiver_repeats_are_not_kept(tmp_path: Path) -> None:
    """An answer that shows the request, as debugging receivers do, comes into the log without them, also where it is cut off."""

    async def answer(heard: Heard) -> web.Response:
        long = "y" * 470 if heard.path == "/cut" else ""
        return web.json_response({"long": long, "token": heard.headers["Authorization"][7:], "headers": dict(heard.headers)}, status=500)

    secrets = {"Authorization": ("Bearer tops3cret-token",), "X-Key": ('quoted"s3cret',)}
    async with listening(answer) as receiver, sending(tmp_path) as sender:
        for n, path in enumerate(("/whole", "/cut"), 1):
            made, _ = sender.subscriptions.add("me", Filter(("me",)), Receiver(receiver.url(path), headers=secrets), delivery=ONCE)
            sender.put(path, 1)
            kept = (await told(sender, made, f"me/mine:{n}"))["answer"]
            assert "…" in kept
            assert not [part for part in ("tops", "s3cret") if part in kept]
        assert [] == _holding(tmp_path, b"tops3cret", b"quoted")


async def test_what_a_document_brings_stays_in_its_place(tmp_path: Path) -> None:
    """A key in the URL is percent-encoded; one that would be another path is a dead letter, and nothing is sent."""
    async with listening() as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url("/hook/{key}?of={key}"), policy=Policy(concurrency=1))
        for key in ("a/../../b?x=1#y", "http://evil.example/", "%2e%2e", "ä\r\nX-Evil: 1", ".."):
            sender.put(key, 1)
        await until(lambda: len(sender.kinds(made)) == 5)
        assert "dead" == sender.kinds(made)["me/mine:5"]
        assert "another path" in (await told(sender, made, "me/mine:5"))["error"]
        one = "a%2F..%2F..%2Fb%3Fx%3D1%23y"
        assert f"/hook/{one}?of={one}" in [heard.path for heard in receiver.heard]
        assert 4 == len(receiver.heard)
        assert {f"127.0.0.1:{receiver.server.port}"} == {heard.headers["Host"] for heard in receiver.heard}
        assert not any("X-Evil" in heard.headers for heard in receiver.heard)


async def test_a_receiver_that_hangs_is_left_after_its_time(tmp_path: Path) -> None:
    """Also one that answers its head and then nothing, and one that drips."""

    async def answer(heard: Heard) -> web.StreamResponse:
        if heard.path == "/hang":
            await asyncio.sleep(5)
        return _Dripping()

    async with listening(answer) as receiver, sending(tmp_path, limit=0.2) as sender:
        for path in ("/hang", "/drip"):
            made = sender.add(receiver.url(path), policy=ONCE, start=BEGINNING)
            sender.put(path, 1)
            await until(lambda made=made: len(sender.kinds(made)) > 0)  # type: ignore[misc]
            outcome = sender.deliveries.outcomes(made.id)[0].body
            assert "within 0.2 seconds" in outcome["error"]
            assert outcome["seconds"] < 2


async def test_an_answer_that_cannot_be_read_is_a_failed_attempt(tmp_path: Path) -> None:
    """Whatever a receiver writes into its headers, its attempts are counted and come to an end."""
    odd = web.Response(status=503, headers={"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"})

    async def answer(heard: Heard) -> web.Response:
        return (
            web.Response(status=odd.status, headers=odd.headers)
            if heard.path == "/date"
            else web.Response(headers={"Content-Encoding": "br"}, body=b"x")
        )

    async with listening(answer) as receiver, sending(tmp_path) as sender:
        date, coding = (sender.add(receiver.url(path), policy=Policy(retry=Schedule((0.01,)))) for path in ("/date", "/coding"))
        sender.put("a", 1)
        await until(lambda: sender.deliveries.dead(date))
        outcome = await told(sender, date)
        assert ("dead", 2, 503) == (outcome["outcome"], outcome["attempt"], outcome["status"])
        assert "delivered" == (await told(sender, coding))["outcome"]


async def test_no_more_of_an_answer_is_read_than_is_kept(tmp_path: Path) -> None:
    """A long answer is cut off and its status counts; the outcome has its first bytes, also of one that is no text."""
    answers = {"/long": b"y" * (4 << 20), "/binary": b"\xff\x00z"}

    async def answer(heard: Heard) -> web.Response:
        return web.Response(body=answers[heard.path])

    async with listening(answer) as receiver, sending(tmp_path) as sender:
        long, binary = (sender.add(receiver.url(path), policy=ONCE) for path in answers)
        sender.put("a", 1)
        outcome = await told(sender, long)
        assert ("delivered", "y" * 500) == (outcome["outcome"], outcome["answer"])
        assert "\ufffd\ufffdz" == (await told(sender, binary))["answer"]


async def test_whatever_goes_wrong_inside_is_an_outcome_and_others_go_on(tmp_path: Path) -> None:
    """Secrets that cannot be read, or a dialect that raises: one subscription's deliveries fail, and say why."""
    async with listening() as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url("/lost"), policy=ONCE)
        other = sender.add(receiver.url("/other"))
        sender.subscriptions._vault.put(f"subscription/{made.id}/headers", "no json")
        sender.put("a", 1)
        assert "delivered" == (await told(sender, other))["outcome"]
        outcome = await told(sender, made)
        assert "dead" == outcome["outcome"]
        assert outcome["error"]
        assert ["/other"] == [heard.path for heard in receiver.heard]


def _holding(folder: Path, *secrets: bytes) -> list[str]:
    """The files of a store that have a secret in plain."""
    return [path.name for path in folder.glob("*.sqlite*") if any(each in path.read_bytes() for each in secrets)]


async def test_nothing_goes_out_without_its_secrets(tmp_path: Path) -> None:
    """If the vault has lost them, neither an unsigned notification nor one with masked headers is sent; the outcome says so."""
    async with listening() as receiver, sending(tmp_path, start=False) as sender:
        made, _ = sender.subscriptions.add(
            "me", Filter(("me",)), Receiver(receiver.url(), headers={"Authorization": ("x",)}), delivery=ONCE
        )
        sender.subscriptions._vault.forget(f"subscription/{made.id}/headers")
        sender.put("a", 1)
        sender.deliveries.start(Guard(LOOPBACK))
        assert "vault" in (await told(sender, made))["error"]
        assert [] == receiver.heard


async def test_nonsense_in_the_log_stops_nobody(tmp_path: Path) -> None:
    """A request that cannot be read, a subscription that is none: all others go on."""
    async with listening() as receiver, sending(tmp_path) as sender:
        bodies: list[Body] = [{}, {"subscription": 5}, {"ask": "replay"}]
        drafts = [Draft.of(REQUEST, str(n), body) for n, body in enumerate(bodies)]
        sender.logbook.append("system", "subscription", [*drafts, Draft.of(TYPE, "nonsense", {"owner": 5})])
        made = sender.add(receiver.url())
        sender.logbook.append(
            "system", "subscription", [Draft.of(REQUEST, "9", {"subscription": made.id, "ask": "replay", "since": "soon"})]
        )
        sender.put("a", 1)
        assert 200 == (await told(sender, made))["status"]


class _Dripping(web.StreamResponse):
    """Answers a byte at a time, for ever."""

    async def prepare(self, request: web.BaseRequest) -> None:
        await super().prepare(request)
        for _ in range(100):
            await self.write(b"x")
            await asyncio.sleep(0.05)
