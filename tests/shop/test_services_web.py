"""The shop's edge against fake services on loopback: what it does when they fail, and without
each of its mechanisms."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web as http
from aiohttp.test_utils import TestClient, TestServer

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services import web
from services.settings import Settings
from services.upstream import Policy

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


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "CATALOG", Policy(timeout=0.15, longest_open=4.0))
    monkeypatch.setattr(web, "RECOMMEND", Policy(timeout=0.15, places=8))
    monkeypatch.setattr(web, "ORDER", Policy(timeout=0.6, places=4))


def test_browse_joins_the_item_and_its_recommendations() -> None:
    async def check() -> None:
        async with opened() as shop:
            answer = await shop.get("/browse?item=5")
            assert answer.status == 200
            assert await answer.json() == {"item": {"item": 5}, "recommendations": [1, 2]}
            assert "X-Degraded" not in answer.headers
            assert answer.headers["X-Served-By"].startswith("web1, catalog")
            assert answer.headers["X-Served-By"].endswith(", recommend1")

    asyncio.run(check())


@pytest.mark.parametrize("mode", ["500", "503", "reset", "hang", "garbage"])
def test_a_failing_catalog_is_retried_on_the_other(mode: str) -> None:
    async def check() -> None:
        async with opened() as shop:
            shop.catalogs[0].mode = mode
            answers = [await shop.get("/item/5") for _ in range(4)]
            assert [one.status for one in answers] == [200] * 4
            assert shop.catalogs[0].asked  # it was its turn at least once

    asyncio.run(check())


def test_without_retries_a_failing_catalog_is_seen() -> None:
    async def check() -> None:
        async with opened("retries") as shop:
            shop.catalogs[0].mode = "500"
            statuses = {(await shop.get("/item/5")).status for _ in range(4)}
            assert statuses == {200, 502}

    asyncio.run(check())


def test_both_catalogs_gone_is_a_failure_not_a_shed() -> None:
    async def check() -> None:
        async with opened() as shop:
            shop.all_catalogs("reset")
            answer = await shop.get("/browse?item=5")
            assert answer.status == 502
            assert "Retry-After" not in answer.headers

    asyncio.run(check())


def test_hanging_catalogs_give_504_in_time_unless_timeouts_are_out() -> None:
    async def check(without: str) -> int:
        async with opened(without) as shop:
            shop.all_catalogs("hang")
            async with asyncio.timeout(0.8):
                return int((await shop.get("/item/5")).status)

    assert asyncio.run(check("")) == 504
    with pytest.raises(TimeoutError):
        asyncio.run(check("timeouts"))


def test_the_breaker_stops_asking_a_dead_endpoint() -> None:
    async def asked(without: str) -> int:
        async with opened(without) as shop:
            shop.catalogs[0].mode = "500"
            for _ in range(20):
                assert (await shop.get("/item/5")).status == 200
            return len(shop.catalogs[0].asked)

    assert asyncio.run(asked("")) == 3
    assert asyncio.run(asked("circuit-breaker")) == 10


@pytest.mark.parametrize("mode", ["500", "hang", "reset", "404"])
def test_recommendations_are_left_out_when_they_are_gone(mode: str) -> None:
    async def check(without: str) -> Any:
        async with opened(without) as shop:
            shop.recommend.mode = mode
            return await shop.get("/browse?item=5")

    answer = asyncio.run(check(""))
    assert (answer.status, answer.headers["X-Degraded"]) == (200, "recommendations unavailable")
    assert asyncio.run(check("recommend-fallback")).status in (502, 504)


def test_a_degraded_catalog_answer_is_passed_on_as_such() -> None:
    async def check() -> None:
        async with opened() as shop:
            shop.all_catalogs("stale")
            shop.recommend.mode = "500"
            answer = await shop.get("/browse?item=5")
            assert answer.headers["X-Degraded"] == "stale, recommendations unavailable"
            assert (await shop.get("/item/5")).headers["X-Degraded"] == "stale"

    asyncio.run(check())


def test_what_is_above_the_rate_is_shed_with_429() -> None:
    async def check(without: str) -> list[Any]:
        async with opened(without, rate=5) as shop:
            health = [await shop.get("/health") for _ in range(20)]
            assert {one.status for one in health} == {200}
            return [await shop.get("/item/5") for _ in range(12)]

    answers = asyncio.run(check(""))
    shed = [one for one in answers if one.status == 429]
    assert 5 <= len(shed) <= 7
    assert all(one.headers["Retry-After"] == "1" for one in shed)
    assert {one.status for one in asyncio.run(check("rate-limit"))} == {200}


def test_a_full_bulkhead_sheds_and_leaves_the_others_alone() -> None:
    async def check() -> None:
        async with opened() as shop:
            for order in shop.orders:
                order.mode = "hang"
            waiting = [
                asyncio.create_task(shop.client.post("/checkout", json={})) for _ in range(12)
            ]
            await asyncio.sleep(0.05)
            assert (await shop.get("/item/5")).status == 200
            answers = await asyncio.gather(*waiting)
            shed = [one for one in answers if one.status == 503]
            assert len(shed) == 8
            assert all("Retry-After" in one.headers for one in shed)

    asyncio.run(check())


def test_without_bulkheads_a_slow_order_service_starves_browse() -> None:
    async def check() -> None:
        async with opened("bulkhead") as shop:
            for order in shop.orders:
                order.mode = "hang"
            waiting = [
                asyncio.create_task(shop.client.post("/checkout", json={})) for _ in range(12)
            ]
            await asyncio.sleep(0.05)
            assert (await shop.get("/item/5")).status == 504
            assert not any(one.status == 503 for one in await asyncio.gather(*waiting))

    asyncio.run(check())


def test_what_a_service_sheds_is_not_retried() -> None:
    async def check() -> None:
        async with opened() as shop:
            for order in shop.orders:
                order.mode = "shed"
            answer = await shop.client.post("/checkout", json={"order_id": "a"})
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert sum(len(order.asked) for order in shop.orders) == 1

    asyncio.run(check())


def test_a_checkout_is_repeated_on_the_other_order_node() -> None:
    async def check() -> None:
        async with opened() as shop:
            for order in shop.orders:
                order.mode = "reset"
            assert (await shop.client.post("/checkout", json={})).status == 502
            assert [len(order.asked) for order in shop.orders] == [1, 1]
            assert (await shop.client.post("/checkout", data=b"{")).status == 400

    asyncio.run(check())


def test_a_switched_off_feature_is_not_asked_for() -> None:
    async def check(without: str) -> tuple[str, int]:
        async with opened(without) as shop:
            turned = await shop.client.post("/switches", json={"recommendations": False})
            assert await turned.json() == {"recommendations": False}
            answer = await shop.get("/browse?item=5")
            return answer.headers.get("X-Degraded", ""), len(shop.recommend.asked)

    assert asyncio.run(check("")) == ("recommendations switched off", 0)
    assert asyncio.run(check("feature-switches")) == ("", 1)


def test_switches_that_do_not_exist_are_refused() -> None:
    async def check() -> None:
        async with opened() as shop:
            for wanted in ({"checkout": False}, {"recommendations": 0}, [], {}):
                assert (await shop.client.post("/switches", json=wanted)).status == 400

    asyncio.run(check())


def test_health_is_about_this_node_only_and_bad_requests_are_refused() -> None:
    async def check() -> None:
        async with opened() as shop:
            shop.all_catalogs("reset")
            assert (await shop.get("/health")).status == 200
            for path in ("/browse", "/browse?item=x", "/item/-1", "/item/1234567890"):
                assert (await shop.get(path)).status == 400
            assert not any(catalog.asked for catalog in shop.catalogs)

    asyncio.run(check())
