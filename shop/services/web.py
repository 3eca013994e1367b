"""`web`: the shop's edge. It takes requests from the gateway and asks the services.

What is essential (the item, the order) is tried on another instance; what is not (recommendations)
is left out rather than waited for. Its health says only whether it can serve: it must never fail
because something behind it is away, or the gateway would take out both nodes at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web as http

from . import answers, serve
from .failures import Full, Unavailable
from .limiter import Limiter
from .notice import Notice
from .settings import Settings, read
from .switches import Switches, checked
from .upstream import Policy, Reply, session, upstreams

# Room for the wave that one node meets when the other is lost: what waited there comes at once.
CATALOG = Policy(timeout=0.8, places=128, longest_open=4.0)
ORDER = Policy(timeout=2.5)
RECOMMEND = Policy(timeout=0.35, places=16, longest_open=4.0)
UNLIMITED = frozenset({"/health", "/switches"})


class Storefront:
    """The routes of the edge and what they need."""

    def __init__(self, settings: Settings) -> None:
        policies = {"catalog": CATALOG, "order": ORDER, "recommend": RECOMMEND}
        self._catalog, self._order, self._recommend = self._all = upstreams(policies, settings)
        self._settings = settings
        self._limiter = Limiter(settings.rate, enabled=settings.has("rate-limit"))
        self._limiting = Notice("rate limit sheds")
        self._bare = Notice("browse without recommendations")
        self.switches = Switches(self._catalog, obeyed=settings.has("feature-switches"))

    async def connections(self, _: http.Application) -> AsyncIterator[None]:
        """Client connections for as long as the application runs."""
        async with session() as opened:
            for upstream in self._all:
                upstream.use(opened)
            yield

    def routes(self) -> list[http.RouteDef]:
        """The edge API."""
        return [
            http.get("/browse", self._browse),
            http.get("/item/{item}", self._item),
            http.post("/checkout", self._checkout),
            http.get("/orders/{order_id}", self._placed),
            http.put("/baskets/{customer}", self._fill),
            http.get("/baskets/{customer}", self._basket),
            http.get("/health", self._health),
            http.get("/switches", self._shown),
            http.post("/switches", self._turn),
        ]

    def limited(self) -> Any:
        """Middleware: sheds what is above the rate this node takes on."""

        @http.middleware
        async def limit(request: http.Request, handler: answers.Next) -> http.StreamResponse:
            if request.path not in UNLIMITED and not self._limiter.admits():
                self._limiting.happened()
                return answers.shed(429, "too many requests")
            self._limiting.passed()
            return await handler(request)

        return limit

    async def _browse(self, request: http.Request) -> http.Response:
        number = _number(request.query.get("item", ""))
        found, advice = await asyncio.gather(
            self._catalog.call("GET", f"/items/{number}"),
            self._recommendations(number),
        )
        if found.status != 200:
            return _passed_on(found)
        return answers.reply(
            {"item": found.body, "recommendations": advice.body},
            degraded=(found.degraded, advice.degraded),
            served_by=(found.served_by, advice.served_by),
        )

    async def _recommendations(self, number: int) -> Reply:
        if not self.switches.on("recommendations"):
            return Reply(200, [], degraded="recommendations switched off")
        try:
            advice = await self._recommend.call("GET", f"/recommend?item={number}")
            if advice.status != 200:
                raise Unavailable(f"recommend: answered {advice.status}")
        except (Unavailable, Full) as gone:
            if not self._settings.has("recommend-fallback"):
                raise
            self._bare.happened(gone)
            return Reply(200, [], degraded="recommendations unavailable")
        self._bare.passed()
        return Reply(200, advice.body["items"], advice.degraded, advice.served_by)

    async def _item(self, request: http.Request) -> http.Response:
        number = _number(request.match_info["item"])
        return _passed_on(await self._catalog.call("GET", f"/items/{number}"))

    async def _checkout(self, request: http.Request) -> http.Response:
        wanted = await read_json(request)
        return _passed_on(await self._order.call("POST", "/orders", wanted))

    async def _placed(self, request: http.Request) -> http.Response:
        path = request.rel_url.raw_path
        return _passed_on(await self._order.call("GET", path))

    async def _fill(self, request: http.Request) -> http.Response:
        wanted = await read_json(request)
        return _passed_on(await self._order.call("PUT", request.rel_url.raw_path, wanted))

    async def _basket(self, request: http.Request) -> http.Response:
        return _passed_on(await self._catalog.call("GET", request.rel_url.raw_path))

    async def _health(self, _: http.Request) -> http.Response:
        return answers.reply({"node": self._settings.node, "ready": True})

    async def _shown(self, _: http.Request) -> http.Response:
        return answers.reply(self.switches.shown())

    async def _turn(self, request: http.Request) -> http.Response:
        try:
            wanted = checked(await read_json(request))
        except ValueError as mistake:
            return answers.reply({"error": str(mistake)}, 400)
        why = await self.switches.turn(wanted)
        return answers.reply(self.switches.shown(), degraded=[why])


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise http.HTTPBadRequest(text="item must be a number")
    return int(text)


async def read_json(request: http.Request) -> Any:
    """The request's JSON, or 400."""
    try:
        return await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as mistake:
        raise http.HTTPBadRequest(text="the body must be JSON") from mistake


def _passed_on(answer: Reply) -> http.Response:
    sent = answers.reply(
        answer.body, answer.status, degraded=[answer.degraded], served_by=[answer.served_by]
    )
    if answer.retry_after:
        sent.headers["Retry-After"] = answer.retry_after
    return sent


def build(settings: Settings) -> http.Application:
    """The application, ready to run."""
    front = Storefront(settings)
    signing = answers.signed_by(settings.node, away=502)
    application = http.Application(middlewares=[signing, front.limited()])
    application.add_routes(front.routes())
    application.cleanup_ctx.append(front.connections)
    serve.in_background(application, front.switches.follow)
    return application


if __name__ == "__main__":
    serve.run(build, read())
