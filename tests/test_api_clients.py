"""
The plus sign and all other odd letters, as real clients send them: raw sockets, curl, requests, httpx, aiohttp, URLSearchParams, axios.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import quote

import aiohttp
import httpx
import pytest
import requests

from locker.locker import Locker
from tests.api_server import Server, served

PEOPLE = [("Ada Lovelace", 36), ("C++", 21), ("a+b", 21), ("a b", 20), ("Zoë", 50)]
SAMPLE = "[age:21+., name:'C++' OR name:'Ada Lovelace']"
FOUND = {"Ada Lovelace", "C++"}
CURL = shutil.which("curl")
needs_curl = pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Five people with odd names, served."""
    with Locker(tmp_path_factory.mktemp("people")) as locker:
        locker.push("me", "mine", [{"type": "contact", "key": name, "body": {"name": name, "age": age}} for name, age in PEOPLE])
        locker.catch_up()
        with served(locker) as running:
            yield running


def names(text: str | bytes) -> set[str]:
    """The names in an answer."""
    return {each["body"]["name"] for each in json.loads(text)}


RAW: dict[str, tuple[str, set[str]]] = {
    # The exact request lines of clients, with what they must find.
    "a browser's address bar": ("/getContacts?terms=[age:21+.,%20name:%27C++%27%20OR%20name:%27Ada%20Lovelace%27]", FOUND),
    "encodeURIComponent": ("/getContacts?terms=%5Bage%3A21%2B.%2C%20name%3A'C%2B%2B'%20OR%20name%3A'Ada%20Lovelace'%5D", FOUND),
    "URLSearchParams": ("/getContacts?terms=%5Bage%3A21%2B.%2C+name%3A%27C%2B%2B%27+OR+name%3A%27Ada+Lovelace%27%5D", FOUND),
    "axios": ("/getContacts?terms=[age:21%2B.,+name:%27C%2B%2B%27+OR+name:%27Ada+Lovelace%27]", FOUND),
    "axios, no plus sign meant": ("/getContacts?terms=[age:36,+name:%27Ada+Lovelace%27]", {"Ada Lovelace"}),
    "by hand": ("/getContacts?terms=[age:21+.]", {"Ada Lovelace", "C++", "a+b", "Zoë"}),
    "by hand, more than": ("/getContacts?terms=[age:21+]", {"Ada Lovelace", "Zoë"}),
    "by hand, without brackets": ("/getContacts?terms=age:21+,name!=x", {"Ada Lovelace", "Zoë"}),
    "a blank in quotes as plus": ("/getContacts?terms=[name:'a+b']", {"a b"}),
    "a plus sign in quotes, blanks as %20": ("/getContacts?terms=[name:'a+b',%20age:21]", {"a+b"}),
    "letters beyond ASCII, escaped": ("/getContacts?terms=[name:'Zo%C3%AB']", {"Zoë"}),
    "plus in any other parameter": ("/getContacts?terms=[name:'a+b']&sort=+name", {"a b"}),
}


@pytest.mark.parametrize("client", RAW)
def test_exact_request_lines(server: Server, client: str) -> None:
    """Byte for byte what a client sends, through a socket."""
    target, expected = RAW[client]
    head, _, body = server.raw(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()).partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], body
    assert expected == names(body)


@needs_curl
def test_curl_with_blanks_escaped(server: Server) -> None:
    """``curl -g`` sends brackets and plus signs as they are; the blanks have to be escaped by hand."""
    address = server.url + "/getContacts?terms=" + SAMPLE.replace(" ", "%20")
    assert FOUND == names(subprocess.run([str(CURL), "-sg", address], capture_output=True, check=True, timeout=20).stdout)


@needs_curl
def test_curl_encoding_itself(server: Server) -> None:
    """``curl -G --data-urlencode`` writes everything itself."""
    command = [str(CURL), "-sG", server.url + "/getContacts", "--data-urlencode", f"terms={SAMPLE}", "-d", "limit=30"]
    assert FOUND == names(subprocess.run(command, capture_output=True, check=True, timeout=20).stdout)


@needs_curl
def test_curl_posting_a_form(server: Server) -> None:
    """``curl --data-urlencode`` posts a form."""
    command = [str(CURL), "-s", server.url + "/getContacts", "--data-urlencode", f"terms={SAMPLE}"]
    assert FOUND == names(subprocess.run(command, capture_output=True, check=True, timeout=20).stdout)


def test_requests(server: Server) -> None:
    """requests, with parameters and with the query in the address."""
    assert FOUND == names(requests.get(server.url + "/getContacts", params={"terms": SAMPLE}, timeout=20).content)
    assert FOUND == names(requests.get(f"{server.url}/getContacts?terms={SAMPLE}", timeout=20).content)


def test_httpx(server: Server) -> None:
    """httpx, with parameters and with the query in the address."""
    assert FOUND == names(httpx.get(server.url + "/getContacts", params={"terms": SAMPLE}, timeout=20).content)
    assert FOUND == names(httpx.get(f"{server.url}/getContacts?terms={SAMPLE}", timeout=20).content)


async def test_aiohttp(server: Server) -> None:
    """aiohttp, with parameters and with an address that is quoted already."""
    from yarl import URL

    async with aiohttp.ClientSession() as session:
        async with session.get(server.url + "/getContacts", params={"terms": SAMPLE}) as answer:
            assert FOUND == names(await answer.read())
        async with session.get(URL(f"{server.url}/getContacts?terms={quote(SAMPLE, safe='')}", encoded=True)) as answer:
            assert FOUND == names(await answer.read())


def test_every_letter_arrives(server: Server) -> None:
    """A name of all printable ASCII letters is found by clients that encode, in GET and in POST."""
    name = "".join(map(chr, range(32, 127)))
    server.post("/addContact", {"name": name})
    position = {"Locker-Position": str(server.locker.logbook.position)}
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    for answer in (
        requests.get(server.url + "/getContacts", params={"terms": f"name:'{escaped}'"}, headers=position, timeout=20),
        httpx.get(server.url + "/getContacts", params={"terms": f"name:'{escaped}'"}, headers=position, timeout=20),
        requests.post(server.url + "/getContacts", json={"terms": f"name:'{escaped}'"}, headers=position, timeout=20),
    ):
        assert {name} == names(answer.content), answer.request.url
