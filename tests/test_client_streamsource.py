"""The StreamSource backend against a server that keeps to the guide and fails on cue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime

import pytest

from locker.client import Credentials, Filters, Retry, StreamSourceBackend, Transport
from locker.error import Conflict, Fatal, Forbidden, Invalid, LockerError, NotFound, Retriable, TooLarge, Unauthorized
from tests.fake_streamsource import PASSWORD, START, FakeStreamSource, Trouble

STREAM = {"source": "StreamerName", "link": "https://www.twitch.tv/streamername", "platform": "Twitch", "city": "Zürich"}
STREAMS = "/api/v1/streams"


class Waits(list[float]):
    """Sleeps at once, and remembers for how long it should have."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def opened(fake: FakeStreamSource, waits: Waits, **given: object) -> StreamSourceBackend:
    """A backend that shares the fake's clock, sleeps at once and whose dice always show 0."""
    who = {"email": "me@example.com", "password": PASSWORD} if "token" not in given else {}
    token = given.pop("token", None)
    retry = Retry(sleep=waits, random=lambda: 0.0)
    credentials = Credentials(token, **who, now=lambda: fake.now)  # type: ignore[arg-type]
    timeout = float(str(given.pop("timeout", 5)))
    transport = Transport(fake.url, credentials, retry=retry, timeout=timeout, now=lambda: fake.now)
    return StreamSourceBackend(fake.url, transport=transport, **given)  # type: ignore[arg-type]


@pytest.fixture(params=["bare", "wrapped"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeStreamSource]:
    """A server of each style: Locker's (bare, refreshing) and the original's (wrapped, milliseconds, no refresh)."""
    wrapped = request.param == "wrapped"
    async with FakeStreamSource(wrapped=wrapped, refreshes=not wrapped) as running:
        yield running


@pytest.fixture
def waits() -> Waits:
    """What was slept."""
    return Waits()


@pytest.fixture
async def backend(fake: FakeStreamSource, waits: Waits) -> AsyncIterator[StreamSourceBackend]:
    """A backend that logs in when it has to."""
    async with opened(fake, waits) as it:
        yield it


async def test_the_guide_from_first_to_last(fake: FakeStreamSource, backend: StreamSourceBackend) -> None:
    """Create, read, list, update, pin, unpin and archive work the same at both kinds of server."""
    made = await backend.create_stream(STREAM)
    assert ("StreamerName", "Zürich", "unknown", False) == (made.source, made.city, made.status, made.is_pinned)
    assert made.created_at is not None
    assert START == made.created_at.replace(microsecond=0)
    assert made == await backend.get_stream(made.id)
    assert "me@example.com" == (made.user.email if made.user else None)
    assert "live" == (await backend.update_stream(made.id, {"status": "live"})).status
    assert (await backend.pin_stream(made.id)).is_pinned
    page = await backend.get_streams(Filters(status="live", is_pinned=True))
    assert ([made.id], 1, 25) == ([stream.id for stream in page.streams], page.meta.total_count, page.meta.per_page)
    assert not (await backend.unpin_stream(made.id)).is_pinned
    await backend.delete_stream(made.id)
    assert () == (await backend.get_streams()).streams
    with pytest.raises(NotFound, match="Record not found"):
        await backend.get_stream(made.id)
    assert 1 == fake.seen.count("POST /api/v1/users/login")


async def test_import_export_analytics_and_features(fake: FakeStreamSource, backend: StreamSourceBackend) -> None:
    """The calls behind feature flags."""
    report = await backend.bulk_import([STREAM, {"source": "x"}, {**STREAM, "link": "https://a.example"}])
    assert (2, 3, [1]) == (report.imported, report.total, [each.index for each in report.errors])
    export = await backend.export(Filters(status="unknown"))
    assert (2, START) == (len(export.streams), export.exported_at.replace(microsecond=0) if export.exported_at else None)
    assert 1 == (await backend.analytics(1))["stream_id"]
    assert (fake.refreshes or {}) == ((await backend.features()).get("stream_export") or {})
    fake.features.clear()
    for call in (backend.export(), backend.analytics(1), backend.bulk_import([STREAM])):
        with pytest.raises(Forbidden, match="available"):
            await call


async def test_every_stream_of_every_page(fake: FakeStreamSource, backend: StreamSourceBackend) -> None:
    """``each`` walks through the pages, each stream once."""
    for n in range(230):
        fake.add(source=f"s{n}", link=f"https://a.example/{n}")
    assert sorted(range(1, 231)) == sorted([stream.id async for stream in backend.each(Filters(sort="name"))])
    assert 3 == fake.seen.count(f"GET {STREAMS}")


async def test_filters_are_spelled_as_in_the_guide() -> None:
    """``notStatus`` has a capital, booleans are lower case, what is None is left out."""
    wanted = Filters(not_status="offline", user_id=1, is_pinned=False, sort="-created", page=2, per_page=5)
    expected = {"notStatus": "offline", "user_id": "1", "is_pinned": "false", "sort": "-created", "page": "2", "per_page": "5"}
    assert expected == wanted.parameters()
    assert {} == Filters().parameters()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Invalid),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, TooLarge),
        (422, Invalid),
        (501, Fatal),
    ],
)
async def test_refusals_are_told_by_their_status(fake: FakeStreamSource, waits: Waits, status: int, error: type[LockerError]) -> None:
    """Each status has its error, with the server's own words, and none of these is repeated."""
    fake.cue(Trouble(status, body='{"error": "the server\'s words"}'))
    async with opened(fake, waits, token=fake.token()) as backend:
        with pytest.raises(error, match="the server's words"):
            await backend.get_streams()
    assert ([], 1) == (waits, len(fake.seen))


@pytest.mark.parametrize(
    "trouble",
    [*(Trouble(status) for status in (408, 425, 429, 500, 502, 503, 504)), Trouble(cut=True), Trouble(cut=True, after=True)],
    ids=lambda trouble: f"{trouble.status or 'cut'}{' after' if trouble.after else ''}",
)
async def test_transient_failures_are_repeated(fake: FakeStreamSource, waits: Waits, trouble: Trouble) -> None:
    """Later and later, until it works."""
    fake.add(**STREAM)
    fake.cue(trouble, trouble)
    async with opened(fake, waits, token=fake.token()) as backend:
        assert 1 == len((await backend.get_streams()).streams)
    assert ([1.0, 2.0], 3) == (waits, len(fake.seen))


async def test_patience_ends(fake: FakeStreamSource, waits: Waits) -> None:
    """After the last repetition the error is the server's, and says that it may be tried again."""
    fake.cue(*(Trouble(503, body='{"error": "The API is currently under maintenance.", "maintenance": true}') for _ in range(9)))
    async with opened(fake, waits, token=fake.token()) as backend:
        with pytest.raises(Retriable, match="maintenance"):
            await backend.get_streams()
    assert [1.0, 2.0, 4.0, 8.0] == waits


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "17"},
        {"Retry-After": format_datetime(START + timedelta(seconds=17), usegmt=True)},
        {"X-RateLimit-Reset": str(int((START + timedelta(seconds=17)).timestamp()))},
    ],
)
async def test_retry_after_is_waited_out(fake: FakeStreamSource, waits: Waits, headers: dict[str, str]) -> None:
    """As seconds, as a date, and as the moment when a limit is lifted."""
    fake.cue(Trouble(429, headers))
    async with opened(fake, waits, token=fake.token()) as backend:
        await backend.get_streams()
    assert [17.0] == waits


async def test_a_long_retry_after_is_left_to_the_caller(fake: FakeStreamSource, waits: Waits) -> None:
    """Nobody sleeps for an hour inside a call."""
    fake.cue(Trouble(429, {"Retry-After": "3600"}))
    async with opened(fake, waits, token=fake.token()) as backend:
        with pytest.raises(Retriable) as caught:
            await backend.get_streams()
    assert (3600.0, []) == (caught.value.after, waits)


async def test_a_slow_server_is_left(fake: FakeStreamSource, waits: Waits) -> None:
    """An attempt that takes too long is given up and repeated."""
    released = asyncio.Event()

    async def stall() -> None:
        await released.wait()

    fake.cue(Trouble(call=stall))
    async with opened(fake, waits, token=fake.token(), timeout=0.05) as backend:
        assert () == (await backend.get_streams()).streams
    released.set()
    assert [1.0] == waits


async def test_a_server_that_is_not_there(fake: FakeStreamSource, waits: Waits) -> None:
    """A refused connection is repeated, and named."""
    async with opened(fake, waits, token="opaque") as backend:
        await fake.server.close()
        with pytest.raises(Retriable, match="cannot be reached"):
            await backend.get_streams()
    assert 4 == len(waits)


async def test_an_archiving_whose_answer_was_lost_is_done(fake: FakeStreamSource, waits: Waits) -> None:
    """The repetition finds nothing any more: that is success, while a first one that finds nothing is not."""
    fake.add(**STREAM)
    fake.cue(Trouble(cut=True, after=True))
    async with opened(fake, waits, token=fake.token()) as backend:
        await backend.delete_stream(1)
        assert [] == fake.living()
        with pytest.raises(NotFound):
            await backend.delete_stream(1)


async def test_a_refusal_after_a_lost_answer_tells_of_both(fake: FakeStreamSource, waits: Waits) -> None:
    """The first attempt may have been carried out though the second is refused: whoever keeps books can see it."""
    fake.add(**STREAM)
    fake.cue(Trouble(cut=True, after=True), Trouble(403))
    async with opened(fake, waits, token=fake.token()) as backend:
        with pytest.raises(Forbidden) as caught:
            await backend.update_stream(1, {"title": "t"})
        assert isinstance(caught.value.__cause__, Retriable)
        fake.cue(Trouble(403))
        with pytest.raises(Forbidden) as plain:
            await backend.update_stream(1, {"title": "t"})
        assert plain.value.__cause__ is None


@pytest.mark.parametrize("repeat", [True, False])
async def test_a_create_whose_answer_was_lost(waits: Waits, repeat: bool) -> None:
    """Where streams are continued it is repeated, and makes one; elsewhere the caller is told that nobody knows."""
    async with FakeStreamSource(continues=repeat) as fake, opened(fake, waits, token=fake.token(), repeat_creates=repeat) as backend:
        fake.cue(Trouble(cut=True, after=True))
        if repeat:
            assert 1 == (await backend.create_stream(STREAM)).id
        else:
            with pytest.raises(Retriable, match="did not answer"):
                await backend.create_stream(STREAM)
        assert 1 == len(fake.living())


async def test_a_create_that_surely_did_not_begin_is_repeated(waits: Waits) -> None:
    """A limit and a maintenance page come before the work."""
    async with FakeStreamSource(continues=False) as fake, opened(fake, waits, token=fake.token(), repeat_creates=False) as backend:
        fake.cue(Trouble(429), Trouble(503))
        await backend.create_stream(STREAM)
        assert (1, [1.0, 2.0]) == (len(fake.living()), waits)


async def test_a_token_is_renewed_before_it_expires(fake: FakeStreamSource, waits: Waits) -> None:
    """Five minutes before the end: by refresh where there is one, by logging in where there is not; never by being refused."""
    async with opened(fake, waits) as backend:
        await backend.get_streams()
        fake.now += timedelta(hours=23, minutes=54)
        await backend.get_streams()
        fake.now += timedelta(minutes=2)
        await backend.get_streams()
        await backend.get_streams()
    renewals = [each for each in fake.seen if "/users/" in each]
    refresh = ["POST /api/v1/users/refresh"] * fake.refreshes
    login = "POST /api/v1/users/login"
    assert ([login, *refresh] if fake.refreshes else [login, "POST /api/v1/users/refresh", login]) == renewals
    assert 4 == fake.seen.count(f"GET {STREAMS}")


async def test_many_requests_renew_a_token_once(fake: FakeStreamSource, waits: Waits) -> None:
    """Requests at the same moment wait for one login."""
    async with opened(fake, waits) as backend:
        await asyncio.gather(*(backend.get_streams() for _ in range(20)))
    assert 1 == len([each for each in fake.seen if "/users/" in each])


async def test_a_token_alone_is_refreshed_and_at_last_expires(fake: FakeStreamSource, waits: Waits) -> None:
    """Without a password a token that cannot be refreshed is used to its end, and the error says what to do."""
    async with opened(fake, waits, token=fake.token()) as backend:
        await backend.get_streams()
        fake.now += timedelta(hours=23, minutes=56)
        await backend.get_streams()
        fake.now += timedelta(hours=24)
        with pytest.raises(Unauthorized, match="log in again"):
            await backend.get_streams()
    assert 1 == fake.seen.count("POST /api/v1/users/refresh")


async def test_a_refresh_that_fails_for_now_is_tried_at_the_next_request(waits: Waits) -> None:
    """While the old token is still good, nothing is held up for good."""
    async with FakeStreamSource() as fake, opened(fake, waits, token=fake.token()) as backend:
        fake.now += timedelta(hours=23, minutes=58)
        fake.cue(*(Trouble(500, path="/api/v1/users") for _ in range(5)))
        await backend.get_streams()
        await backend.get_streams()
        assert 6 == fake.seen.count("POST /api/v1/users/refresh")


async def test_a_revoked_token_is_replaced_once(fake: FakeStreamSource, waits: Waits) -> None:
    """A 401 to a token that looked good is answered by one login; a second 401 is the answer."""
    async with opened(fake, waits) as backend:
        await backend.get_streams()
        fake.tokens.clear()
        await backend.get_streams()
        fake.accounts.clear()
        fake.tokens.clear()
        with pytest.raises(Unauthorized, match="Invalid email or password"):
            await backend.get_streams()


async def test_signing_up_then_working(fake: FakeStreamSource, waits: Waits) -> None:
    """A new account's first token is used without a login."""
    transport = Transport(fake.url, Credentials(email="New@example.com", password=PASSWORD, now=lambda: fake.now), retry=Retry(sleep=waits))
    async with StreamSourceBackend(fake.url, transport=transport) as backend:
        await backend.sign_up()
        assert () == (await backend.get_streams()).streams
        with pytest.raises(Invalid, match="already been taken"):
            await backend.sign_up()
    assert "POST /api/v1/users/login" not in fake.seen


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (Trouble(302, {"Location": "https://elsewhere.example/"}), "moved to https://elsewhere.example/"),
        (Trouble(200, body="<html>Welcome to the hotel</html>"), "not valid JSON"),
        (Trouble(200, body='{"hello": "world"}'), "not a list of streams"),
    ],
)
async def test_another_kind_of_server_is_named(fake: FakeStreamSource, waits: Waits, trouble: Trouble, message: str) -> None:
    """A redirect is not followed, for the token's sake, and what is no StreamSource is not taken for one."""
    fake.cue(trouble)
    async with opened(fake, waits, token=fake.token()) as backend:
        with pytest.raises(Fatal, match=message):
            await backend.get_streams()
    assert [] == waits


@pytest.mark.parametrize(
    "url", ["", "example.com", "ftp://example.com", "https://me:pw@example.com", "https://example.com/?a=b", "http://a:b", "http://[a"]
)
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(Invalid):
        StreamSourceBackend(url)


def test_secrets_are_not_printed() -> None:
    """Neither a token nor a password appears in a representation."""
    shown = repr(Credentials("the-token")) + repr(Credentials(email="me@example.com", password="the-password"))
    assert "the-token" not in shown
    assert "the-password" not in shown
    with pytest.raises(Invalid):
        Credentials(email="me@example.com")
