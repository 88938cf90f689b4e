"""
``GET /live``: what happens, as it happens, from where the client stopped; as a WebSocket or as Server-Sent Events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic

from aiohttp import web

from locker.entitlement import check_reads
from locker.error import Invalid, LockerError, Unavailable
from locker.live import GONE, REVOKED, Item, Listener
from locker.notification import Filter, Start

from ._auth import bearer
from ._errors import HttpError
from ._live_frames import EVENTS, MOST_SAID, PING_SECONDS, PROTOCOLS, EventStream, PackedSocket, Socket, Wire, listen_for_the_end
from ._query_string import unquoted, whole_number
from ._routes import ANY, Parameter, Route
from ._service import Call, Service

FORMATS = ("json", "msgpack")
GRACE_SECONDS = 20.0
"""So long may a client that was ended take to hear of it; then the connection is cut."""
CLOSING_SECONDS = 1.0
PARAMETERS = (
    Parameter("source", "only of these sources, with commas"),
    Parameter("type", "only of these types, like contact or contact/twitter, with commas"),
    Parameter("op", "only these operations: add, edit, delete"),
    Parameter("key", "only with this key; a * stands for any text"),
    Parameter("terms", "a query; with type=contact over the contacts: each event says whether one entered, changed in, or left that set"),
    Parameter("since", 'from where: a position, a time, "beginning"; from now on if left out. Last-Event-ID goes before it'),
    Parameter("format", "of WebSocket frames: json or msgpack; or ask for the subprotocol locker.json or locker.msgpack"),
)


def routes(_: Service) -> Iterator[Route]:
    """The one call."""
    event = {"type": "string", "description": "events whose id is a position; the data is {position, owner, change?, record}"}
    yield Route(
        "GET", "/live", live, "What happens, as it happens: a WebSocket or Server-Sent Events", type=ANY, parameters=PARAMETERS,
        answers={EVENTS: event}, errors=(400, 403, 406, 503),
    )  # fmt: skip


async def live(call: Call) -> web.StreamResponse:
    """Listen until either side ends it."""
    request = call.request
    is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
    if not is_socket and EVENTS not in request.headers.get("Accept", ""):
        raise HttpError(406, f"this is a stream: ask for it with 'Accept: {EVENTS}', or as a WebSocket", {"Accept": EVENTS})
    params = call.params()
    wanted = _filter(call, params)
    check_reads(call.caller, wanted)
    found = wanted.checked(call.locker.collections)
    start = await call.service.in_thread(_position, call, params)
    if len(call.locker.live.listeners) >= call.service.settings.live_limit:
        raise Unavailable("as many live streams are open as this server has room for (its setting live_limit); try again later")
    if is_socket:
        return await _socket(call, params, found, start)
    wire = EventStream(call, start)
    await wire.open()
    if request.method != "HEAD":
        listener = _listener(call, wire, wanted, found, start)
        await _stream(call, wire, listener)
    return await wire.close()


def _filter(call: Call, params: dict[str, str]) -> Filter:
    """What the parameters mean.  Raises Invalid."""
    lists = {f"{name}s": [each.strip() for each in params[name].split(",")] for name in ("source", "type", "op") if params.get(name)}
    return Filter.of({"owners": [call.owner], **lists, "key": params.get("key", ""), "terms": params.get("terms", "")})


def _position(call: Call, params: dict[str, str]) -> int:
    """After which position to begin.  Raises Invalid."""
    last, said = call.request.headers.get("Last-Event-ID", "").strip(), unquoted(params.get("since", "").strip())
    logbook = call.locker.logbook
    said, end = last or said, logbook.position
    if said in ("", "now"):
        return end
    if said == "beginning":
        return 0
    if said.isascii() and said.isdecimal():
        if (position := whole_number("since", said)) > end:
            raise Invalid(f"there is no position {position} yet: this log ends at {end}; ask with since=now, or since a time")
        return position
    time = Start.of({"time": said}).time
    assert time is not None
    return logbook.position_at(time)


async def _socket(call: Call, params: dict[str, str], found: Filter, start: int) -> web.StreamResponse:
    if (format := params.get("format", "")) not in ("", *FORMATS):
        raise Invalid(f"format is {' or '.join(FORMATS)}, not {format[:40]!r}")
    response = web.WebSocketResponse(
        heartbeat=PING_SECONDS, protocols=PROTOCOLS, compress=False, max_msg_size=MOST_SAID, timeout=CLOSING_SECONDS
    )
    await response.prepare(call.request)
    is_packed = format == "msgpack" or (not format and response.ws_protocol == "locker.msgpack")
    wire = (PackedSocket if is_packed else Socket)(response, start)
    listener = _listener(call, wire, _filter(call, params), found, start)
    reading = asyncio.create_task(listen_for_the_end(response, listener))
    try:
        await _stream(call, wire, listener)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return await wire.close()


def _listener(call: Call, wire: Wire, wanted: Filter, found: Filter, start: int) -> Listener:
    """Who is told; asked every second, and whenever a right was taken back, whether it may still listen."""
    service, request = call.service, call.request
    text, transport = bearer(request, call.raw), request.transport
    loop = asyncio.get_running_loop()

    def check() -> str:
        if transport is None or transport.is_closing():
            return GONE
        try:
            if text is not None:
                check_reads(service.identify(text), wanted)
        except LockerError:
            return REVOKED
        return ""

    def ended() -> None:
        if transport is not None:
            loop.call_later(GRACE_SECONDS, transport.abort)

    return call.locker.live.open(found, wire.encode, start, check, ended)


async def _stream(call: Call, wire: Wire, listener: Listener) -> None:
    """Tell what was missed, then what comes, then why it is over."""
    live, beat = call.locker.live, float(call.service.settings.live_heartbeat)

    def thread(run: Callable[[Listener], tuple[list[Item], bool]], one: Listener) -> asyncio.Future[tuple[list[Item], bool]]:
        return asyncio.get_running_loop().run_in_executor(call.service.catching_up, run, one)

    async def tell(items: list[Item]) -> None:
        listener.busy_since = monotonic()
        await (wire.tell(items) if items else wire.beat(live.heard(listener)))
        listener.busy_since = None

    try:
        await tell([])
        while not listener.is_joined and not listener.reason:
            if items := await live.advance(listener, thread):
                await tell(items)
        while not listener.reason:
            items = await listener.next(beat)
            if items or not listener.reason:
                await tell(items)
        if listener.reason != GONE:
            await wire.end(listener.reason)
    except ConnectionError:
        listener.end(GONE)
    finally:
        live.close(listener)
