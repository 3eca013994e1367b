"""What the shop's edge sheds: above its rate, beyond its bulkheads, and on behalf of others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from shop_edge import opened

pytestmark = pytest.mark.usefixtures("short_waits")


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
