"""The shop's edge before fake services on loopback, for the tests of this folder."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web as http
from aiohttp.test_utils import TestClient, TestServer

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services import web
from services.settings import Settings

Answer = Callable[[http.Request], Awaitable[http.StreamResponse]]


class Service:
    """A fake instance of a service: counts what it is asked and answers as told."""

    def __init__(self, name: str, body: Any) -> None:
        self.name, self.body = name, body
        self.asked: list[str] = []
        self.mode = "ok"
        self.released = asyncio.Event()  # set at the end, so that no server waits for a hung one

    async def answer(self, request: http.Request) -> http.StreamResponse:
        if request.path == "/switches":
            return http.json_response({})
        self.asked.append(request.path)
        if self.mode == "hang":
            await self.released.wait()
        if self.mode == "reset":
            assert request.transport is not None
            request.transport.close()
        if self.mode == "garbage":
            return http.Response(text="<html>")
        if self.mode == "shed":
            return http.json_response({}, status=503, headers={"Retry-After": "1"})
        status = int(self.mode) if self.mode.isdigit() else 200
        marks = {"X-Served-By": self.name}
        if self.mode == "stale":
            marks["X-Degraded"] = "stale"
        return http.json_response(self.body, status=status, headers=marks)


class Shop:
    """One web node before two catalogs, two orders and one recommend."""

    def __init__(self) -> None:
        self.catalogs = [Service(f"catalog{n}", {"item": 5}) for n in (1, 2)]
        self.orders = [Service(f"order{n}", {"order_id": "a"}) for n in (1, 2)]
        self.recommend = Service("recommend1", {"items": [1, 2]})
        self.client: TestClient[Any, Any]

    def all_catalogs(self, mode: str) -> None:
        for catalog in self.catalogs:
            catalog.mode = mode

    async def get(self, path: str) -> http.Response | Any:
        answer = await self.client.get(path)
        await answer.read()
        return answer


@asynccontextmanager
async def opened(without: str = "", rate: float = 1000.0) -> AsyncIterator[Shop]:
    shop = Shop()
    servers: list[TestServer] = []

    async def serve(service: Service) -> str:
        application = http.Application()
        application.router.add_route("*", "/{path:.*}", service.answer)
        server = TestServer(application)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("")).rstrip("/")

    settings = Settings(
        node="web1",
        without=frozenset(without.split(",")) - {""},
        rate=rate,
        urls={
            "CATALOG_URLS": tuple([await serve(one) for one in shop.catalogs]),
            "ORDER_URLS": tuple([await serve(one) for one in shop.orders]),
            "RECOMMEND_URLS": (await serve(shop.recommend),),
        },
    )
    server = TestServer(web.build(settings))
    shop.client = TestClient(server)
    await server.start_server()
    try:
        yield shop
    finally:
        for service in (*shop.catalogs, *shop.orders, shop.recommend):
            service.released.set()
        await shop.client.close()
        for server in servers:
            await server.close()
