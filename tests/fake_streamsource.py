"""A StreamSource on loopback that keeps to the guide, in either of its two styles, and that fails on cue."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
PASSWORD = "SecurePassword123!"
FIELDS = ("source", "link", "status", "platform", "orientation", "kind", "city", "state", "notes", "title", "posted_by")
PLATFORMS = {"tiktok", "facebook", "twitch", "youtube", "instagram", "other"}
Json = dict[str, Any]


@dataclass
class Trouble:
    """What goes wrong with the next request that *method* and *path* fit: before the server does it, or *after*.

    Answers *status* if that is set, cuts the connection if *cut*, and awaits *call* first of all.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"error": "on cue"}'
    cut: bool = False
    call: Callable[[], Awaitable[None]] | None = None
    after: bool = False
    method: str = ""
    path: str = ""

    def fits(self, request: web.Request) -> bool:
        return request.method.startswith(self.method) and request.path.startswith(self.path)

    async def happen(self, request: web.Request) -> web.Response | None:
        if self.call:
            await self.call()
        if self.cut:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=self.status, headers=self.headers, text=self.body) if self.status else None


class FakeStreamSource:
    """*wrapped*: single objects as ``{"stream": …}``; *refreshes*: there is a refresh call, as at a Locker; *life* of a token.

    Its clock stands still until somebody sets ``now``.  A repeated create makes a second stream unless *continues*.
    """

    def __init__(
        self,
        *,
        wrapped: bool = False,
        refreshes: bool = True,
        continues: bool = True,
        life: timedelta = timedelta(hours=24),
        first: int = 1,
    ) -> None:
        self.wrapped, self.refreshes, self.continues, self.life, self._next = wrapped, refreshes, continues, life, first
        self.now = START
        self.accounts: dict[str, str] = {"me@example.com": PASSWORD}
        self.tokens: set[str] = set()
        self.streams: dict[int, Json] = {}
        self.features = {"stream_analytics", "stream_export", "stream_bulk_import"}
        self.seen: list[str] = []
        self.troubles: list[Trouble] = []
        app = web.Application(middlewares=[self._middleware])
        app.router.add_post("/api/v1/users/{verb:login|signup|refresh}", self._users)
        app.router.add_get("/api/v1/streams", self._list)
        app.router.add_post("/api/v1/streams", self._create)
        app.router.add_get("/api/v1/streams/export", self._export)
        app.router.add_post("/api/v1/streams/bulk_import", self._import)
        app.router.add_get("/api/v1/streams/{id}/analytics", self._analytics)
        app.router.add_route("*", "/api/v1/streams/{id}", self._one)
        app.router.add_route("*", "/api/v1/streams/{id}/pin", self._pin)
        app.router.add_get("/api/v1/features", self._features)
        self.server = TestServer(app, host="127.0.0.1")

    async def __aenter__(self) -> Self:
        await self.server.start_server()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def cue(self, *troubles: Trouble) -> None:
        self.troubles += troubles

    def token(self) -> str:
        """A new token, good for *life*: shaped like a JWT, for clients that look inside."""
        claims = {"exp": int((self.now + self.life).timestamp()), "jti": len(self.tokens)}
        made = ".".join(
            base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', json.dumps(claims).encode(), b"x")
        )
        self.tokens.add(made)
        return made

    def add(self, **given: Any) -> Json:
        """A stream, as if somebody had created it."""
        row: Json = dict.fromkeys(FIELDS) | {"status": "unknown", "kind": "stream", "posted_by": "me@example.com"}
        row |= {name: given[name] for name in FIELDS if given.get(name) is not None}
        times = dict.fromkeys(("created_at", "updated_at", "last_checked_at"), self._time())
        row |= {"id": self._next, "is_pinned": False, "archived": False, "last_live_at": None, **times}
        self.streams[self._next] = row
        self._next += 1
        return row

    def living(self) -> list[Json]:
        return [row for row in self.streams.values() if not row["archived"]]

    def _time(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%S" + (".123Z" if self.wrapped else "Z"))

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path}")
        trouble = next((each for each in self.troubles if each.fits(request)), None)
        if trouble:
            self.troubles.remove(trouble)
            if not trouble.after and (instead := await trouble.happen(request)):
                return instead
        try:
            if "/users/" not in request.path or request.path.endswith("refresh"):
                self._check(request)
            answer: web.StreamResponse = await handler(request)
        except Refusal as refusal:
            answer = web.json_response({"error": refusal.args[1]}, status=refusal.args[0])
        if trouble and trouble.after:
            return await trouble.happen(request) or answer
        return answer

    def _check(self, request: web.Request) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens or json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["exp"] <= self.now.timestamp():
            raise Refusal(401, "Unauthorized")

    async def _users(self, request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        if verb == "refresh":
            if not self.refreshes:
                raise Refusal(404, "Not Found")
            return web.json_response({"user": {"id": 1}, "token": self.token()})
        given = await request.json()
        email = given["email"].lower()
        if verb == "signup":
            if email in self.accounts:
                raise Refusal(422, "Email has already been taken")
            self.accounts[email] = given["password"]
        elif self.accounts.get(email) != given["password"]:
            raise Refusal(401, "Invalid email or password")
        user = {"id": 1, "email": email, "role": "default"}
        return web.json_response({"user": user, "token": self.token()}, status=201 if verb == "signup" else 200)

    def _shown(self, row: Json) -> Json:
        user = {"id": 1, "email": "me@example.com", "role": "default"}
        shown = {name: value for name, value in row.items() if name != "archived"} | {"user": user}
        if self.wrapped and shown["platform"]:
            shown["platform"] = shown["platform"].lower()
        return shown

    def _single(self, row: Json, status: int = 200) -> web.Response:
        shown = self._shown(row)
        return web.json_response({"stream": shown} if self.wrapped else shown, status=status)

    def _find(self, request: web.Request) -> Json:
        row = self.streams.get(int(request.match_info["id"]))
        if row is None or row["archived"]:
            raise Refusal(404, "Record not found")
        return row

    def _select(self, request: web.Request) -> list[Json]:
        query = request.query
        if query.get("user_id", "1") != "1":
            raise Refusal(404, "User not found")
        rows = [row for row in self.living() if query.get("status", row["status"]) == row["status"] != query.get("notStatus")]
        rows = [row for row in rows if query.get("is_pinned", str(row["is_pinned"]).lower()) == str(row["is_pinned"]).lower()]
        sort = query.get("sort", "")
        if sort.endswith("name"):
            return sorted(rows, key=lambda row: (row["source"], row["id"]), reverse=sort.startswith("-"))
        if sort.endswith("created"):
            return sorted(rows, key=lambda row: (row["created_at"], row["id"]), reverse=sort.startswith("-"))
        return sorted(rows, key=lambda row: (not row["is_pinned"], -row["id"]))

    async def _list(self, request: web.Request) -> web.Response:
        rows = self._select(request)
        per_page = min(100, max(1, int(request.query.get("per_page", 25))))
        page = max(1, int(request.query.get("page", 1)))
        meta = {"current_page": page, "total_pages": -(-len(rows) // per_page), "total_count": len(rows), "per_page": per_page}
        shown = [self._shown(row) for row in rows[(page - 1) * per_page : page * per_page]]
        return web.json_response({"streams": shown, "meta": meta})

    def _checked(self, given: Json, *, new: bool) -> Json:
        if new and not (given.get("source") and given.get("link")):
            raise Refusal(422, "Source can't be blank, Link can't be blank")
        if "link" in given and not str(given["link"]).startswith(("http://", "https://")):
            raise Refusal(422, "Link must be a valid HTTP or HTTPS URL")
        if (given.get("platform") or "other").lower() not in PLATFORMS:
            raise Refusal(422, f"'{given['platform']}' is not a valid platform")
        return given

    def _change(self, row: Json, given: Json) -> None:
        row.update({name: given[name] for name in FIELDS if name in given})
        row["updated_at"] = self._time()
        if "status" in given:
            row["last_checked_at"] = self._time()

    def _made(self, given: Json) -> tuple[Json, int]:
        self._checked(given, new=True)
        same = (row for row in self.living() if (row["source"], row["link"]) == (given["source"], given["link"]))
        if self.continues and (row := next(same, None)):
            self._change(row, {"status": "live", **given})
            return row, 200
        return self.add(**given), 201

    async def _create(self, request: web.Request) -> web.Response:
        return self._single(*self._made(await request.json()))

    async def _one(self, request: web.Request) -> web.Response:
        row = self._find(request)
        if request.method == "DELETE":
            row["archived"] = True
            return web.Response(status=204)
        if request.method == "PUT":
            self._change(row, self._checked(await request.json(), new=False))
        return self._single(row)

    async def _pin(self, request: web.Request) -> web.Response:
        row = self._find(request)
        row["is_pinned"] = request.method == "PUT"
        return self._single(row)

    def _need(self, feature: str, text: str) -> None:
        if feature not in self.features:
            raise Refusal(403, text)

    async def _import(self, request: web.Request) -> web.Response:
        self._need("stream_bulk_import", "Bulk import is not currently available")
        given = await request.json()
        rows = given["streams"] if isinstance(given, dict) else given
        errors = []
        for index, row in enumerate(rows):
            try:
                self._made(row)
            except Refusal as refusal:
                errors.append({"index": index, "errors": [refusal.args[1]]})
        return web.json_response({"imported": len(rows) - len(errors), "total": len(rows), "errors": errors})

    async def _export(self, request: web.Request) -> web.Response:
        self._need("stream_export", "Export feature is not currently available")
        rows = [{name: row[name] for name in FIELDS} for row in self._select(request)]
        return web.json_response({"exported_at": self._time(), "count": len(rows), "streams": rows})

    async def _analytics(self, request: web.Request) -> web.Response:
        self._need("stream_analytics", "This feature is not currently available")
        return web.json_response({"stream_id": self._find(request)["id"], "sessions": 1})

    async def _features(self, request: web.Request) -> web.Response:
        if not self.refreshes:
            raise Refusal(404, "Not Found")
        return web.json_response(dict.fromkeys(sorted(self.features), True))


class Refusal(Exception):
    """A status and the text of the error."""
