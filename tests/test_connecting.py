"""Connecting, from the wish to what is kept: by hand, by a browser, by a code typed elsewhere; and everything that ends it before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from aiohttp import web

from locker.application import Applications
from locker.connecting import Begun, Connecting, way_back
from locker.error import Fatal, Forbidden, Invalid, LockerError, NotFound, Unauthorized
from locker.guard import Guard
from locker.proposal import Proposal
from locker.reach import Reach
from locker.vault import Vault
from tests.accounts import Hands
from tests.network import CLIENT_ID, CLIENT_SECRET, KEY, KEY_SECRET, Network, Token, host, serving
from tests.networks import CONNECTORS

BACK = way_back("fake", "http://127.0.0.1:8042")


@dataclass
class Made:
    """A connection as it was asked for."""

    owner: str
    source: str
    said: Mapping[str, Any]

    @property
    def secrets(self) -> Mapping[str, str]:
        """Those that there are; an empty one is forgotten."""
        return {name: value for name, value in self.said["secrets"].items() if value}


@dataclass
class Kept:
    """Keeps what it is told to."""

    made: list[Made] = field(default_factory=list)

    def find(self, owner: str, source: str) -> None:
        """Nothing is known yet."""

    def add(self, owner: str, source: str, **said: Any) -> Made:
        self.made.append(Made(owner, source, said))
        return self.made[-1]


@dataclass
class Desk:
    """Everything that connecting needs, with a network to connect."""

    network: Network
    connecting: Connecting[Made]
    kept: Kept
    clock: Hands
    folder: Path

    def asked(self, source: str, **more: Any) -> Proposal:
        """A wish for this network's instance."""
        return Proposal(**{"source": source, "base_url": self.network.url, "trusted": True, **more})

    def restarted(self) -> Connecting[Made]:
        """As another process would have it."""
        return connecting(self.folder, self.kept, self.clock)


def connecting(folder: Path, kept: Kept, clock: Hands) -> Connecting[Made]:
    """Connecting over a folder, for trusted base URLs only."""
    vault = Vault(folder / "data", folder / "keys")
    return Connecting(
        CONNECTORS,
        kept,
        vault,
        Applications(folder / "clients.toml"),
        lambda url, trusted: Reach(Guard().trusting(url) if trusted else Guard()),
        clock=clock,
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose operator made clients at the network."""
    with serving() as network:
        network.clients[CLIENT_ID].redirect_uris = (BACK,)
        at = host(network.url)
        (tmp_path / "clients.toml").write_text(
            f'[fake."{at}"]\nclient_id = "{CLIENT_ID}"\nclient_secret = "{CLIENT_SECRET}"\n'
            f'[screen."{at}"]\nclient_id = "{CLIENT_ID}"\nclient_secret = "{CLIENT_SECRET}"\n'
            f'[old."{at}"]\nclient_id = "{KEY}"\nclient_secret = "{KEY_SECRET}"\n'
        )
        (tmp_path / "clients.toml").chmod(0o600)
        kept, clock = Kept(), Hands(datetime.now(UTC))
        made = connecting(tmp_path, kept, clock)
        with closing(made.flows._vault):
            yield Desk(network, made, kept, clock, tmp_path)


def visit(begun: Begun) -> dict[str, str]:
    """A person follows the link and agrees; what they come back with."""
    answer = requests.get(begun.url, allow_redirects=False, timeout=10)
    assert 302 == answer.status_code, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


# -- by hand ------------------------------------------------------------------------------------------


async def test_a_token_is_tried_and_kept(desk: Desk) -> None:
    """The service says whose account it is; the token goes to where secrets go and nowhere else."""
    desk.network.tokens.append(Token("by-hand", "", "", "", 2**40))
    made = await desk.connecting.by_hand(desk.asked("fake.work", owner="u7", by="u7"), {"token": "by-hand"})
    assert ("u7", "fake.work", {"token": "by-hand"}) == (made.owner, made.source, made.secrets)
    assert ({"id": "7", "username": "ada"}, desk.network.url, True) == (made.said["account"], made.said["base_url"], made.said["trusted"])


async def test_a_refused_token_is_not_kept(desk: Desk) -> None:
    """The error says where to get a good one, and does not repeat the bad one."""
    with pytest.raises(Unauthorized, match=r"fake\.example/settings") as caught:
        await desk.connecting.by_hand(desk.asked("fake"), {"token": "planted-bad-token"})
    assert "planted-bad-token" not in str(caught.value)
    assert [] == desk.kept.made


async def test_a_token_that_ended_is_renewed_while_it_is_tried(desk: Desk) -> None:
    """Given with its refresh token: what is kept is what came."""
    desk.network.tokens.append(Token("ended", "refresh-1", CLIENT_ID, "", 0))
    made = await desk.connecting.by_hand(desk.asked("fake"), {"token": "ended", "refresh_token": "refresh-1"})
    assert desk.network.living(made.secrets["token"])
    assert made.secrets["refresh_token"] not in ("", "refresh-1")


async def test_options_are_enough_where_nothing_is_asked(desk: Desk) -> None:
    """No credential, no request; the base URL is the service's own."""
    made = await desk.connecting.by_hand(Proposal(source="open", options={"username": "pg"}), {})
    assert ({"username": "pg"}, "https://open.example", {}) == (made.said["options"], made.said["base_url"], made.secrets)


async def test_secret_options_are_secrets(desk: Desk) -> None:
    """They go to the vault, the others beside the connection."""
    made = await desk.connecting.by_hand(desk.asked("key", options={"username": "ada", "pin": "1234"}), {"token": "t"})
    assert ({"username": "ada"}, {"token": "t", "pin": "1234"}) == (made.said["options"], made.secrets)


@pytest.mark.parametrize(
    ("source", "more", "secrets", "error", "told"),
    [
        ("nothing", {}, {}, NotFound, "fake, key, mail"),
        ("open", {"base_url": ""}, {}, Invalid, "whose favorites"),
        ("open", {"base_url": "", "options": {"username": "x", "colour": "red"}}, {}, Invalid, "no option 'colour'; there are username"),
        ("open", {"base_url": "", "options": {"username": "x"}}, {"token": "t"}, Invalid, "asks for no credential"),
        ("fake", {}, {}, Unauthorized, "wants to know who asks"),
        ("fake", {"base_url": ""}, {"token": "t"}, Invalid, "many instances"),
        ("fake", {"base_url": "ftp://x"}, {"token": "t"}, Invalid, "scheme"),
        ("fake", {"base_url": "https://[half"}, {"token": "t"}, Invalid, "IPv6"),
        ("mail", {"base_url": "https://[half"}, {"username": "u", "password": "p"}, Invalid, "IPv6"),
        ("fake", {"base_url": "https://x.example/?a=b"}, {"token": "t"}, Invalid, "base URL"),
        ("fake", {"trusted": False}, {"token": "t"}, Forbidden, "allow_networks"),
        ("fake", {}, {"colour": "t"}, Invalid, "no secret called 'colour'"),
        ("fake", {"owner": "No Owner"}, {"token": "t"}, Invalid, "owner"),
        ("FAKE", {}, {"token": "t"}, Invalid, "source"),
    ],
)
async def test_what_is_wrong_is_told(
    desk: Desk, source: str, more: dict[str, Any], secrets: dict[str, str], error: type[LockerError], told: str
) -> None:
    """Before anything is asked or kept, with what to do."""
    with pytest.raises(error, match=told):
        await desk.connecting.by_hand(desk.asked(source, **more), secrets)
    assert ([], []) == (desk.kept.made, desk.network.seen)


async def test_an_instance_that_is_none(desk: Desk) -> None:
    """A server that answers something else is not taken for the service."""
    desk.network.tokens.append(Token("by-hand", "", "", "", 2**40))
    desk.network.before = lambda path: web.json_response({"hello": "world"}) if path == "/me" else None
    with pytest.raises(Fatal, match="base URL"):
        await desk.connecting.by_hand(desk.asked("fake"), {"token": "by-hand"})


# -- there and back -----------------------------------------------------------------------------------


async def test_there_and_back(desk: Desk) -> None:
    """The code becomes tokens, the account is learned, and it all survives a restart in between."""
    begun = await desk.connecting.begin(desk.asked("fake", owner="u7", by="u7"), BACK)
    said = visit(begun)
    again = desk.restarted()
    flow, made = await again.finish("fake", said)
    assert ("u7", "fake", "7") == (made.owner, made.source, made.said["account"]["id"])
    assert {"token", "refresh_token", "expires", "method"} == made.secrets.keys()
    assert flow.verifier not in repr(flow)
    with pytest.raises(Invalid, match="used before"):
        await desk.connecting.finish("fake", said)
    again.flows._vault.close()


async def test_a_flow_ends_after_ten_minutes(desk: Desk) -> None:
    """Too late is like never begun, and the vault forgets what was begun."""
    begun = await desk.connecting.begin(desk.asked("fake"), BACK)
    said = visit(begun)
    desk.clock.turn(minutes=11)
    with pytest.raises(Invalid, match="ten minutes"):
        await desk.connecting.finish("fake", said)
    await desk.connecting.begin(desk.asked("fake"), BACK)
    assert 1 == len(desk.connecting.flows._vault.names("flow/"))


async def test_nobody_has_too_many_flows(desk: Desk) -> None:
    """The oldest gives way, and only one's own."""
    await desk.connecting.begin(desk.asked("fake", owner="u1"), BACK)
    begun = [await desk.connecting.begin(desk.asked("fake"), BACK) for _ in range(23)]
    assert 21 == len(desk.connecting.flows._vault.names("flow/"))
    assert desk.connecting.flows.peek(begun[-1].state)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"state": "never-given"}, Invalid, "begin again"),
        ({"state": ""}, Invalid, "begin again"),
        ({"code": ""}, Invalid, "no code"),
        ({"code": "forged"}, Unauthorized, "refuses"),
        ({"iss": "https://evil.example"}, Invalid, "another server"),
        ({"iss": "https://[half"}, Invalid, "another server"),
        ({"error": "access_denied"}, Forbidden, "access_denied"),
        ({"error": "<script>"}, Forbidden, "an error"),
    ],
)
async def test_a_way_back_that_is_none(desk: Desk, change: dict[str, str], error: type[LockerError], told: str) -> None:
    """Whatever is wrong, nothing is connected, and the code is not in the error."""
    said = visit(await desk.connecting.begin(desk.asked("fake"), BACK))
    with pytest.raises(error, match=told) as caught:
        await desk.connecting.finish("fake", {**said, **change})
    assert said["code"] not in str(caught.value)
    assert [] == desk.kept.made


async def test_the_way_back_of_another_network(desk: Desk) -> None:
    """A state of one network serves at no other, and is not used up by trying."""
    said = visit(await desk.connecting.begin(desk.asked("fake"), BACK))
    with pytest.raises(Invalid, match="from fake, not from screen"):
        await desk.connecting.finish("screen", said)
    assert (await desk.connecting.finish("fake", said))[1]


async def test_a_stranger_uses_nothing_up(desk: Desk) -> None:
    """Whoever is not the one who began is refused, and the one who did goes on."""
    said = visit(await desk.connecting.begin(desk.asked("fake"), BACK, proof="cookie"))

    def check(proof: str) -> Callable[..., None]:
        def checked(flow: Any) -> None:
            if not flow.is_proven(proof):
                raise Forbidden("stranger")

        return checked

    with pytest.raises(Forbidden, match="stranger"):
        await desk.connecting.finish("fake", said, check("other"))
    assert (await desk.connecting.finish("fake", said, check("cookie")))[1]


async def test_a_person_copies_the_address(desk: Desk) -> None:
    """Whole, or only the code; the address of another flow is not taken."""
    begun = await desk.connecting.begin(desk.asked("fake"), BACK)
    other = await desk.connecting.begin(desk.asked("fake"), BACK)
    said = visit(begun)
    address = f" {BACK}?{urlencode(said)}\n"
    with pytest.raises(Invalid, match="copy it whole"):
        await desk.connecting.paste("fake", other.state, address)
    assert "fake" == (await desk.connecting.paste("fake", begun.state, address)).source
    assert "fake" == (await desk.connecting.paste("fake", other.state, visit(other)["code"])).source


async def test_three_legs(desk: Desk) -> None:
    """OAuth 1.0a: the request token is the state; its secret never leaves the vault."""
    begun = await desk.connecting.begin(desk.asked("old", options={"flag": "yes please"}), BACK)
    _, made = await desk.connecting.finish("old", visit(begun))
    assert {"token", "token_secret", "method"} == {name for name, value in made.secrets.items() if value}
    assert {"id": "7"} == made.said["account"]


async def test_somebody_refuses_the_old_way(desk: Desk) -> None:
    """Twitter's ``denied``."""
    begun = await desk.connecting.begin(desk.asked("old"), BACK)
    with pytest.raises(Forbidden, match="did not let us in"):
        await desk.connecting.finish("old", {"denied": begun.state})


async def test_an_instance_gets_its_own_client(desk: Desk) -> None:
    """Where clients are made on the fly, this connection keeps its own: it is needed to renew the token."""
    begun = await desk.connecting.begin(desk.asked("many"), BACK)
    _, made = await desk.connecting.finish("many", visit(begun))
    client = desk.network.clients[made.secrets["client_id"]]
    assert (client.client_secret, (BACK,)) == (made.secrets["client_secret"], client.redirect_uris)
    ended = {**made.secrets, "token": "ended"}
    again = await desk.connecting.by_hand(desk.asked("many"), {name: value for name, value in ended.items() if name != "method"})
    assert desk.network.living(again.secrets["token"])


@pytest.mark.parametrize(
    ("source", "more", "told"),
    [
        ("fake", {"base_url": "https://fake.example"}, r"\[fake.\"fake.example\"\]"),
        ("open", {"base_url": "", "options": {"username": "x"}}, "sends nobody"),
        ("mail", {"base_url": ""}, "app password"),
    ],
)
async def test_no_client_is_told(desk: Desk, source: str, more: dict[str, Any], told: str) -> None:
    """What the operator would have to do, or how to do without."""
    with pytest.raises(Invalid, match=told):
        await desk.connecting.begin(desk.asked(source, **more), BACK)


# -- a code that is typed elsewhere -------------------------------------------------------------------


async def test_a_code_is_typed_elsewhere(desk: Desk) -> None:
    """We ask as often as the service likes, slower when it says so, and go on when somebody agreed."""
    waited, told = list[float](), list[Any]()

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            desk.network.device = "slow"

    made = await desk.connecting.device(desk.asked("screen"), told.append, wait)
    assert ([1.0, 1.0, 6.0], "7") == (waited, made.said["account"]["id"])
    assert told[0].user_code in told[0].verification_url


async def test_silence_makes_longer_pauses(desk: Desk) -> None:
    """A service that does not answer is asked more and more rarely."""
    waited = list[float]()

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        desk.network.before = (lambda path: requests_failed(path)) if len(waited) < 4 else (lambda _: None)
        desk.network.device = "agreed"

    def requests_failed(path: str) -> Any:
        return web.Response(status=503) if path == "/token" else None

    await desk.connecting.device(desk.asked("screen"), lambda _: None, wait)
    assert [1.0, 2.0, 4.0, 8.0] == waited


@pytest.mark.parametrize(
    ("source", "plan"),
    [
        ("fake", "browser"),
        ("screen", "device"),
        ("many", "browser"),
        ("old", "browser"),
        ("key", "token"),
        ("mail", "password"),
        ("open", "nothing"),
    ],
)
def test_how_to_connect_with_empty_hands(desk: Desk, source: str, plan: str) -> None:
    """What the command line does when nothing is given."""
    more = {"base_url": ""} if source in ("mail", "open") else {}
    assert plan == desk.connecting.plan(desk.asked(source, **more))


def test_without_a_client_a_token_is_asked_for(desk: Desk) -> None:
    """Where there is another way than ours."""
    assert "token" == desk.connecting.plan(desk.asked("fake", base_url="https://fake.example"))
    with pytest.raises(Invalid, match="client_id"):
        desk.connecting.plan(desk.asked("old", base_url="https://old.example"))
