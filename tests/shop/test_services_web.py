"""The shop's edge against fake services on loopback: what it does when they fail, and without
each of its mechanisms."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from shop_edge import opened

pytestmark = pytest.mark.usefixtures("short_waits")


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
