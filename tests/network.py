"""
A network that is none: authlib's own authorisation servers, for OAuth 2 (code with PKCE, refreshing, device) and OAuth 1.0a, behind a real HTTP server.

Its one user is Ada.  ``/me`` answers whoever has a good token, ``/signed`` whoever signs well.  Tests reach into it: what was asked is in ``seen``,
tokens can be ended, and ``device`` says what the person at the other screen does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web
from authlib.common.security import generate_token
from authlib.oauth1.rfc5849 import OAuth1Request
from authlib.oauth1.rfc5849.errors import OAuth1Error

from tests.network_servers import Client, Network, Request2, Token, servers

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "KEY", "KEY_SECRET", "Client", "Network", "Token", "host", "serving"]

CLIENT_ID, CLIENT_SECRET = "client-of-tests", "planted-client-secret"
KEY, KEY_SECRET = "consumer-of-tests", "planted-consumer-secret"


def _app(network: Network) -> web.Application:
    server2, server1, protected = servers(network)

    async def request2(request: web.Request) -> Any:
        form = {name: str(value) for name, value in (await request.post()).items()}
        return Request2(request, form)

    async def request1(request: web.Request) -> Any:
        text = await request.text()
        return OAuth1Request(request.method, str(request.url), text or None, dict(request.headers))

    async def authorize(request: web.Request) -> web.Response:
        made = await request2(request)
        grant = server2.get_consent_grant(made, network.user)
        answer: web.Response = server2.create_authorization_response(
            made, grant_user=None if "refuse" in request.query else network.user, grant=grant
        )
        if network.issuer:
            answer.headers["Location"] += "&" + urlencode({"iss": network.issuer})
        return answer

    async def token(request: web.Request) -> web.Response:
        answer: web.Response = server2.create_token_response(await request2(request))
        return answer

    async def device(request: web.Request) -> web.Response:
        answer: web.Response = server2.create_endpoint_response("device_authorization", await request2(request))
        return answer

    async def register(request: web.Request) -> web.Response:
        said = await request.post()
        made = Client(generate_token(12), generate_token(24), tuple(str(said["redirect_uris"]).split()))
        network.clients[made.client_id] = made
        return web.json_response({"id": "1", "name": said["client_name"], "client_id": made.client_id, "client_secret": made.client_secret})

    async def me(request: web.Request) -> web.Response:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not network.living(text):
            return web.json_response({"message": "Bad credentials"}, status=401)
        return web.json_response(network.user)

    async def likes(request: web.Request) -> web.Response:
        text = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if network.is_rude:  # some services repeat what they were sent
            return web.json_response({"message": f"{text} is no good, nor {quote(text)}"}, status=400)
        if not network.living(text):
            return web.json_response({"message": f"bad token {text}"}, status=401)
        page = int(request.query.get("page", "1"))
        if page in network.ending:
            network.ending.discard(page)
            network.end_tokens()
            return web.json_response({"message": f"the token {text} has expired"}, status=401)
        return web.json_response([{"id": 10 * page + n} for n in range(10)] if page <= network.pages else [])

    async def initiate(request: web.Request) -> web.Response:
        answer: web.Response = server1.create_temporary_credentials_response(await request1(request))
        return answer

    async def authorize1(request: web.Request) -> web.Response:
        made = await request1(request)
        made.oauth_params["oauth_token"] = request.query["oauth_token"]
        answer: web.Response = server1.create_authorization_response(made, network.user)
        return answer

    async def access(request: web.Request) -> web.Response:
        answer: web.Response = server1.create_token_response(await request1(request))
        return answer

    async def signed(request: web.Request) -> web.Response:
        try:
            protected.validate_request(request.method, str(request.url), await request.text() or None, dict(request.headers))
        except OAuth1Error as error:
            return web.json_response({"message": error.error}, status=401)
        return web.json_response(network.user)

    @web.middleware
    async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
        network.seen.append(f"{request.method} {request.path}")
        network.bodies.append(await request.text())
        answer: web.StreamResponse = network.before(request.path) or await handler(request)
        return answer

    app = web.Application(middlewares=[watch])
    app.router.add_get("/oauth/authorize", authorize)  # as a Mastodon has them
    app.router.add_post("/oauth/token", token)
    app.router.add_post("/api/v1/apps", register)
    app.router.add_get("/api/v1/accounts/verify_credentials", me)
    for path, handler in (("/authorize", authorize), ("/me", me), ("/likes", likes), ("/authorize1", authorize1), ("/signed", signed)):
        app.router.add_get(path, handler)
    for path, handler in (
        ("/token", token),
        ("/device", device),
        ("/register", register),
        ("/initiate", initiate),
        ("/access", access),
        ("/signed", signed),
    ):
        app.router.add_post(path, handler)
    return app


@contextmanager
def serving() -> Iterator[Network]:
    """The network, at a free port of this machine."""
    network = Network()
    network.clients[CLIENT_ID] = Client(CLIENT_ID, CLIENT_SECRET)
    network.clients[KEY] = Client(KEY, KEY_SECRET)
    found: Future[str] = Future()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(_app(network))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.set_result(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        network.url = found.result(20)
        yield network
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def host(url: str) -> str:
    """The host and port of a URL."""
    return urlsplit(url).netloc
