"""``/connect``: there and back, in a browser and by a program; and every way in which somebody else might come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from aiohttp import web

from locker.error import NotFound
from tests.api_server import served
from tests.connected import Place, connected, opened, query, visit

HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server and a network."""
    with connected(tmp_path, return_to=("https://app.example/connected",)) as made:
        yield made


def begun(place: Place, name: str = "fake", owner: str = "u1", **params: str) -> requests.Response:
    """A program begins."""
    return place.ask("GET", f"/connect/{name}?{urlencode({'base_url': place.network.url, **params})}", owner)


class Browser:
    """Somebody's browser: keeps cookies, goes where it is sent to."""

    def __init__(self, place: Place) -> None:
        self._place, self.session = place, requests.Session()
        self.session.headers.update(HTML)

    def go(self, url: str, **more: str) -> requests.Response:
        """Go to one address."""
        return self.session.get(url, timeout=20, allow_redirects=False, headers=more)

    def begin(self, owner: str = "u1", **params: str) -> requests.Response:
        """Begin to connect, signed in."""
        token = self._place.server.tokens.make(owner, ("read", "write"))
        asked = urlencode({"base_url": self._place.network.url, "access_token": token, **params})
        return self.go(f"{self._place.url}/connect/fake?{asked}")


def sources(place: Place, owner: str = "u1") -> list[str]:
    """What is connected."""
    return [each.source for each in place.server.locker.connections.list(owner)]


# -- a browser ----------------------------------------------------------------------------------------


def test_a_browser_there_and_back(place: Place) -> None:
    """Sent there at once, back with a code, and a page says whose account it is; no secret is in it, and nothing may keep it."""
    browser = Browser(place)
    there = browser.begin()
    assert (302, place.back()) == (there.status_code, query(there.headers["Location"])["redirect_uri"])
    cookie = there.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/connect"))
    page = browser.go(visit(there.headers["Location"]))
    assert (200, ["fake"]) == (page.status_code, sources(place))
    assert "fake is connected" in page.text
    assert "ada" in page.text
    assert ("no-store", "no-referrer") == (page.headers["Cache-Control"], page.headers["Referrer-Policy"])
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not any(secret and secret in page.text + str(page.headers) for secret in place.network.secrets())


def test_back_to_where_one_was(place: Place) -> None:
    """``return_to``: a path of ours, or an address that the settings have; with what became of it."""
    for to in ("/done?x=1", "https://app.example/connected/now"):
        browser = Browser(place)
        back = browser.go(visit(browser.begin(return_to=to).headers["Location"]))
        assert (302, f"{to}{'&' if '?' in to else '?'}connected=fake") == (back.status_code, back.headers["Location"])
    browser = Browser(place)
    refused = browser.go(
        f"{place.back()}?{urlencode({'state': query(browser.begin(return_to='/done').headers['Location'])['state'], 'error': 'access_denied'})}"
    )
    assert "/done?error=access_denied&network=fake" == refused.headers["Location"]


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "https://app.example.evil.example/connected", "https://app.example/other",
        "https://app.example@evil.example/connected", "javascript:alert(1)", "https://app.example/connectedx", "/a\nb", "http://app.example/connected",
        "done", "https://[half",
    ],
)  # fmt: skip
def test_back_to_nowhere_else(place: Place, to: str) -> None:
    """A link of ours leads to no other site."""
    assert 400 == begun(place, return_to=to).status_code


def test_another_browser_is_not_let_in(place: Place) -> None:
    """Somebody sends their own link to a victim: the victim's account does not end up in the sender's locker, and nothing is used up."""
    attacker, victim = Browser(place), Browser(place)
    back = visit(attacker.begin().headers["Location"])
    page = victim.go(back)
    assert (403, []) == (page.status_code, sources(place))
    assert "not the browser that began" in page.text
    assert 200 == attacker.go(back).status_code


def test_nothing_serves_twice(place: Place) -> None:
    """A state that was used, or that nobody gave."""
    browser = Browser(place)
    back = visit(browser.begin().headers["Location"])
    assert 200 == browser.go(back).status_code
    for again in (back, f"{place.back()}?code=x&state=never", f"{place.back()}?code=x", place.back()):
        page = browser.go(again)
        assert (400, True) == (page.status_code, "begin again" in page.text)
    assert ["fake"] == sources(place)


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"error": "access_denied"}, 403, "did not let us in (access_denied)"),
        ({"error": "<b>x</b>"}, 403, "(an error)"),
        ({"iss": "https://evil.example"}, 400, "another server"),
        ({"code": "forged"}, 400, "refuses"),
    ],
)
def test_what_goes_wrong_is_a_page(place: Place, change: dict[str, str], status: int, told: str) -> None:
    """For a person in words, for a program as a problem; the page repeats nothing that came."""
    browser = Browser(place)
    said = {**query(visit(browser.begin().headers["Location"])), **change}
    page = browser.go(f"{place.back()}?{urlencode(said)}")
    assert (status, "text/html") == (page.status_code, page.headers["Content-Type"].partition(";")[0])
    assert told in page.text
    assert "forged" not in page.text
    headers = place.token("u1")
    there = place.ask("GET", f"/connect/fake?{urlencode({'base_url': place.network.url})}", headers=headers).json()
    said = {**query(visit(there["url"])), **change}
    problem = place.ask("GET", f"/connect/fake/callback?{urlencode(said)}", headers=headers)
    assert (status, "application/problem+json") == (problem.status_code, problem.headers["Content-Type"])
    assert told in problem.json()["detail"]


def test_the_way_back_of_another_network(place: Place) -> None:
    """Each network has a way back of its own."""
    browser = Browser(place)
    said = query(visit(browser.begin().headers["Location"]))
    assert 400 == browser.go(f"{place.back('screen')}?{urlencode(said)}").status_code
    assert 200 == browser.go(f"{place.back()}?{urlencode(said)}").status_code


def test_whoever_logged_out_cannot_finish(place: Place) -> None:
    """The session ended in between: nothing is connected."""
    browser = Browser(place)
    token = place.server.tokens.make("u1", ("read", "write"))
    asked = urlencode({"base_url": place.network.url, "access_token": token})
    there = browser.go(f"{place.url}/connect/fake?{asked}")
    place.server.locker.accounts.end(place.server.tokens.verify(token))
    page = browser.go(visit(there.headers["Location"]))
    assert (403, []) == (page.status_code, sources(place))


def test_a_flow_survives_a_restart(tmp_path: Path) -> None:
    """Begun before, finished after: all that is needed is in the vault."""
    with connected(tmp_path) as place:
        browser = Browser(place)
        back = visit(browser.begin().headers["Location"])
        place.server.locker.stop()
        with opened(tmp_path, place.network) as again, served(again, trust_loopback=False) as second:
            assert 200 == browser.go(back.replace(urlsplit(back).netloc, urlsplit(second.url).netloc)).status_code
            assert ["fake"] == [each.source for each in again.connections.list("u1")]


# -- a program ----------------------------------------------------------------------------------------


def test_a_program_there_and_back(place: Place) -> None:
    """It gets the address as JSON, hands on what its user came back with, and finishes with the token that began."""
    headers = place.token("u1")
    there = place.ask("GET", f"/connect/fake?{urlencode({'base_url': place.network.url, 'as': 'fake.work'})}", headers=headers)
    assert (200, {"url", "state", "expires_at"}) == (there.status_code, there.json().keys())
    assert "Set-Cookie" not in there.headers
    back = visit(there.json()["url"])
    done = place.ask("GET", f"/connect/fake/callback?{urlsplit(back).query}", headers=headers)
    assert (201, "fake.work", "ada") == (
        done.status_code,
        done.json()["connection"]["source"],
        done.json()["connection"]["account"]["username"],
    )
    assert not any(secret and secret in done.text for secret in place.network.secrets())


def test_a_programs_user_comes_back_to_the_program(place: Place) -> None:
    """Its user's browser knows nothing of us: it goes on to the program, which finishes; we gave no token away."""
    headers = place.token("u1")
    asked = urlencode({"base_url": place.network.url, "return_to": "https://app.example/connected"})
    there = place.ask("GET", f"/connect/fake?{asked}", headers=headers)
    onward = requests.get(visit(there.json()["url"]), headers=HTML, timeout=20, allow_redirects=False)
    assert 302 == onward.status_code
    assert onward.headers["Location"].startswith("https://app.example/connected?")
    assert {"code", "state"} == query(onward.headers["Location"]).keys()
    assert 201 == place.ask("GET", f"/connect/fake/callback?{urlsplit(onward.headers['Location']).query}", headers=headers).status_code


def test_another_token_cannot_finish(place: Place) -> None:
    """Neither somebody else's, nor another session of one's own, nor none."""
    back = visit(begun(place).json()["url"])
    for headers in (place.token("u2"), place.token("u1"), {}):
        assert 403 == place.ask("GET", f"/connect/fake/callback?{urlsplit(back).query}", headers=headers).status_code
    assert [] == sources(place) + sources(place, "u2")


def test_a_client_connects_its_user(place: Place) -> None:
    """``user=`` names whom it is for; others may not say that."""
    headers = place.token("acme~")
    there = place.ask("GET", f"/connect/fake?{urlencode({'base_url': place.network.url, 'user': 'Bob@example.com'})}", headers=headers)
    done = place.ask("GET", f"/connect/fake/callback?{urlsplit(visit(there.json()['url'])).query}", headers=headers)
    owner = place.server.locker.accounts.owner_for(place.server.locker.accounts.find("acme"), "Bob@example.com")
    assert (201, ["fake"], []) == (done.status_code, sources(place, owner), sources(place, "acme~"))
    assert 403 == begun(place, user="bob").status_code


@pytest.mark.parametrize(
    ("name", "params", "status"),
    [
        ("nothing", {}, 404),
        ("vcard", {}, 404),
        ("mail", {}, 400),
        ("fake", {"base_url": "https://fake.example"}, 400),
        ("fake", {"base_url": "http://10.0.0.1"}, 400),
        ("fake", {"as": "screen.x"}, 400),
        ("fake", {"options": "{"}, 400),
        ("fake", {"options": '{"colour": "red"}'}, 400),
        ("fake", {"colour": "red"}, 400),
    ],
)
def test_what_cannot_begin(place: Place, name: str, params: dict[str, str], status: int) -> None:
    """A problem document that says why, before anybody is sent anywhere."""
    answer = begun(place, name, **params)
    assert (status, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"]), answer.text


def test_the_old_way(place: Place) -> None:
    """OAuth 1.0a by the same calls."""
    headers = place.token("u1")
    there = place.ask("GET", f"/connect/old?{urlencode({'base_url': place.network.url})}", headers=headers)
    done = place.ask("GET", f"/connect/old/callback?{urlsplit(visit(there.json()['url'])).query}", headers=headers)
    assert (201, ["old"]) == (done.status_code, sources(place))


def test_a_reader_cannot_connect(place: Place) -> None:
    """A token that may only read begins nothing."""
    assert 403 == place.ask("GET", "/connect/fake", headers=place.token("u1", "read")).status_code


def test_the_public_address_is_a_setting(tmp_path: Path) -> None:
    """The redirect URI is made of the setting, to the letter; a Host header says nothing, and the cookie is for https only."""
    with connected(tmp_path, public_url="https://locker.example/l") as place:
        headers = {**place.token("u1"), "Host": "evil.example", **HTML}
        there = place.ask("GET", f"/connect/fake?{urlencode({'base_url': place.network.url})}", headers=headers)
        assert "https://locker.example/l/connect/fake/callback" == query(there.headers["Location"])["redirect_uri"]
        assert "Secure" in there.headers["Set-Cookie"]
        assert "Path=/l/connect" in there.headers["Set-Cookie"]


def test_a_disabled_account_cannot_finish(place: Place) -> None:
    """Kept out in between."""
    browser = Browser(place)
    back = visit(browser.begin().headers["Location"])
    place.server.locker.accounts.disable("1@example.com")
    assert (403, []) == (browser.go(back).status_code, sources(place))
    with pytest.raises(NotFound):
        place.server.locker.connections.get("u1", "fake")


def test_whoever_runs_it_needs_no_token(tmp_path: Path) -> None:
    """With trust_loopback the operator opens the address in a browser at the machine itself, and comes back across sites."""
    with connected(tmp_path, trust_loopback=True) as place:
        browser = Browser(place)
        there = browser.go(f"{place.url}/connect/fake?{urlencode({'base_url': place.network.url})}", **{"Sec-Fetch-Site": "none"})
        page = browser.go(visit(there.headers["Location"]), **{"Sec-Fetch-Site": "cross-site"})
        assert (200, ["fake"]) == (page.status_code, sources(place, "me"))
        there = browser.go(f"{place.url}/connect/fake?{urlencode({'base_url': place.network.url})}", **{"Sec-Fetch-Site": "cross-site"})
        assert 401 == there.status_code


def test_localhost_is_this_machine_by_another_name(place: Place) -> None:
    """Opened as localhost, it goes on at the address that the service sends people back to, where the cookie will be."""
    browser = Browser(place)
    token = place.server.tokens.make("u1", ("read", "write"))
    asked = f"/connect/fake?{urlencode({'base_url': place.network.url, 'access_token': token})}"
    onward = browser.go(f"{place.url.replace('127.0.0.1', 'localhost')}{asked}")
    assert (302, place.url + asked) == (onward.status_code, onward.headers["Location"])
    assert 200 == browser.go(visit(browser.go(onward.headers["Location"]).headers["Location"])).status_code


def test_a_service_that_is_down_is_a_page(place: Place) -> None:
    """Neither the person's fault nor ours: they are told to begin again later."""
    browser = Browser(place)
    back = visit(browser.begin().headers["Location"])
    place.network.before = lambda path: web.Response(status=503) if path == "/token" else None
    page = browser.go(back)
    assert (503, True) == (page.status_code, "cannot answer now" in page.text)


def test_behind_a_proxy_the_public_address_must_be_set(place: Place) -> None:
    """Somebody who came by another name is not sent to their own machine: the operator is told what to set."""
    for host, headers in (("locker.example", {}), ("locker.example", HTML), ("[half", {})):
        answer = place.ask("GET", "/connect/fake", headers={**place.token("u1"), **headers, "Host": host})
        assert (400, True) == (answer.status_code, "LOCKER_PUBLIC_URL" in answer.text)
