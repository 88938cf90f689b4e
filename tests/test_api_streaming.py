"""
Streams: everything there is, in constant memory, beside other requests, and without harm when the client goes away.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgpack
import psutil
import pytest

from locker.locker import Locker
from tests.api_server import Server, served

COUNT = 3000
FILLER = "x" * 2000
NDJSON, MSGPACK = {"Accept": "application/x-ndjson"}, {"Accept": "application/msgpack"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Three thousand contacts of two kilobytes, served."""
    with Locker(tmp_path_factory.mktemp("many")) as locker:
        for start in range(0, COUNT, 500):
            bodies = [{"name": f"Person {n}", "age": n % 100, "bio": FILLER} for n in range(start, start + 500)]
            locker.push("me", "mine", [{"type": "contact", "key": body["name"], "body": body} for body in bodies])
        locker.catch_up()
        with served(locker) as running:
            yield running


@pytest.mark.parametrize(
    "path", ["/getContacts?terms=[]", "/connectors/mine/getAll", "/connectors/mine/getCurrent", "/connectors/mine/getSince?time=2011"]
)
def test_streams_are_whole(server: Server, path: str) -> None:
    """Lines and MessagePack give everything once, in the order of the pages."""
    lines = [json.loads(line) for line in server.get(path, headers=NDJSON).content.splitlines()]
    assert COUNT == len({each["id"] for each in lines}) == len(lines)
    unpacker = msgpack.Unpacker()
    unpacker.feed(server.get(path, headers=MSGPACK).content)
    assert lines == list(unpacker)
    page = server.get(f"{path}{'&' if '?' in path else '?'}limit=100").json()
    assert lines[:100] == page


def test_streams_say_what_they_are(server: Server) -> None:
    """The media type that was asked for, without a length, and no link, since there is nothing more."""
    answer = server.get("/getContacts?terms=[]&count=1", headers=NDJSON)
    assert ("application/x-ndjson", "chunked") == (answer.headers["Content-Type"], answer.headers["Transfer-Encoding"])
    assert str(COUNT) == answer.headers["X-Total-Count"]
    assert "Link" not in answer.headers


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html", "application/json"),
        ("application/x-ndjson, */*;q=0.1", "application/x-ndjson"),
        ("application/json;q=0.5, application/msgpack", "application/msgpack"),
        ("application/x-ndjson;q=0, application/json", "application/json"),
        ("application/x-ndjson;q=much", "application/json"),
    ],
)
def test_negotiation(server: Server, accept: str, expected: str) -> None:
    """The best liked of what we have; JSON if nothing fits."""
    assert expected == server.get("/getContacts?terms=[age:5]&limit=1", headers={"Accept": accept}).headers["Content-Type"]


def test_an_own_limit_is_kept(server: Server) -> None:
    """Whoever names a limit gets no more, also beyond a page's thousand."""
    for path in ("/getContacts?terms=[]&limit=1200&offset=5", "/connectors/mine/getAll?limit=1200&offset=5"):
        lines = server.get(path, headers=NDJSON).content.splitlines()
        expected = server.get(path).json()
        assert 1000 == len(expected)
        assert (expected, 1200) == ([json.loads(line) for line in lines[:1000]], len(lines))


@pytest.mark.parametrize("limit", [1200, "1200", "'1200'"])
def test_a_limit_in_a_body_is_kept_too(server: Server, limit: object) -> None:
    """A POST with the limit in its body streams as many as a GET with it in the address."""
    assert 1200 == len(server.post("/getContacts", {"terms": "[]", "limit": limit}, headers=NDJSON).content.splitlines())


def test_count_and_facets_in_streams(server: Server) -> None:
    """A count is one line; facets come in one piece only, and the error is told before the stream begins."""
    assert b'{"count":30}\n' == server.get("/getContacts?terms=COUNT(age:7)", headers=NDJSON).content
    assert 400 == server.get("/getContacts?terms=[]&facets=age", headers=NDJSON).status_code
    assert 400 == server.get("/getContacts?terms=[a>b]", headers=NDJSON).status_code
    assert b"" == server.session.head(server.url + "/getContacts?terms=[]", headers=NDJSON, timeout=20).content


def test_a_slow_reader_costs_no_memory(server: Server) -> None:
    """While a client reads slowly, the server keeps some pieces and not the whole answer; other requests are answered meanwhile."""
    before = psutil.Process().memory_info().rss
    with slow_client(server, "/connectors/mine/getAll") as connection:
        connection.recv(1000)
        for _ in range(20):
            assert 200 == server.get("/getContacts?terms=[age:5]&limit=1").status_code
        assert psutil.Process().memory_info().rss - before < 30 * 2**20
        read = 0
        while piece := connection.recv(2**20):
            read += len(piece)
    assert read > COUNT * len(FILLER)


def slow_client(server: Server, path: str) -> socket.socket:
    """A connection that has asked for a stream."""
    address = urlsplit(server.url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\nConnection: close\r\n\r\n".encode())
    return connection


def open_files() -> int:
    """How many files and sockets this process has open."""
    return int(psutil.Process().num_fds())


def test_clients_that_go_away_leave_nothing(server: Server) -> None:
    """Connections that are cut in the middle of a stream are forgotten: no socket, file or thread is left."""
    server.get("/getContacts?terms=[]", headers=NDJSON)
    before, threads = open_files(), threading.active_count()
    for path in ("/getContacts?terms=[]", "/connectors/mine/getAll") * 10:
        with slow_client(server, path) as connection:
            connection.recv(10)
    deadline = time.monotonic() + 20
    while open_files() > before + 4 and time.monotonic() < deadline:
        server.get("/health")
    assert open_files() <= before + 4
    assert threading.active_count() <= threads + 8
    assert COUNT == len(server.get("/getContacts?terms=[]", headers=NDJSON).content.splitlines())


def test_a_fault_cuts_the_stream(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong after the first piece breaks the connection off, so that nobody takes a part for the whole."""
    reader = server.locker.reader
    stream = type(reader).stream

    def broken(self: object, search: object) -> Iterator[str]:
        for n, fragment in enumerate(stream(self, search)):  # type: ignore[arg-type]
            if n == 600:
                raise RuntimeError("in the middle")
            yield fragment

    monkeypatch.setattr(type(reader), "stream", broken)
    with slow_client(server, "/getContacts?terms=[]") as connection:
        received = b""
        try:
            while piece := connection.recv(2**20):
                received += piece
        except ConnectionResetError:
            pass
    assert b" 200 OK" in received
    assert not received.endswith(b"0\r\n\r\n")


def test_slow_queries_do_not_hold_up_others(server: Server) -> None:
    """A query that takes long goes to a thread; cheap ones are answered meanwhile."""
    slow = "/getContacts?terms=[unindexed:'a' OR other!='b', more:5+]&sort=unindexed.deep&limit=1000"
    done = threading.Event()

    def ask() -> None:
        for _ in range(3):
            assert 200 == server.session.get(server.url + slow, timeout=30).status_code
        done.set()

    thread = threading.Thread(target=ask)
    thread.start()
    answered = 0
    while not done.is_set():
        assert 200 == server.get("/health").status_code
        answered += 1
    thread.join()
    assert answered > 0
