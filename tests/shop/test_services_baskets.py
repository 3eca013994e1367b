"""Baskets against a fake database: order writes and lists them, catalog reads, the edge chooses."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web as http
from aiohttp.test_utils import TestClient, TestServer
from shop_edge import opened

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services import answers, baskets
from services.catalog import Catalog
from services.order import Orders
from services.settings import Settings


class Rows:
    """A database and its connection in one: baskets in memory, by the rule of the statement."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}

    async def run(self, work: Any) -> Any:
        return await work(self)

    async def fetchrow(self, query: str, customer: str, *given: int) -> Any:
        if query == baskets.PUT:
            held = self.rows.get(customer)
            if held is not None and held["revision"] > given[0]:
                return None
            self.rows[customer] = {"customer": customer, "revision": given[0], "item": given[1]}
        return self.rows.get(customer)

    async def fetch(self, query: str, after: str, limit: int) -> list[Any]:
        assert query == baskets.LIST
        return [row for name, row in sorted(self.rows.items()) if name > after][:limit]


@pytest.mark.parametrize(
    "body",
    [[], {}, {"revision": 1}, {"revision": 0, "item": 1}, {"revision": True, "item": 1},
     {"revision": 1, "item": 2**31}, {"revision": "1", "item": 1}],
)  # fmt: skip
def test_what_is_no_basket_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        baskets.wanted(body)


async def ask(routes: list[http.RouteDef], *requests: tuple[str, str, Any]) -> list[Any]:
    application = http.Application(middlewares=[answers.signed_by("one")])
    application.add_routes(routes)
    async with TestClient(TestServer(application)) as client:
        seen = []
        for method, path, body in requests:
            answer = await client.request(method, path, json=body)
            seen.append((answer.status, await answer.json()))
        return seen


def test_a_basket_is_replaced_by_the_same_or_a_newer_revision_only() -> None:
    rows = Rows()
    routes = Orders(Settings(node="order1"), rows).routes()  # type: ignore[arg-type]

    def put(revision: int) -> tuple[str, str, Any]:
        return "PUT", "/baskets/a", {"revision": revision, "item": 5}

    wrong = ("PUT", "/baskets/a", {"revision": "two"})
    seen = asyncio.run(ask(routes, put(1), put(3), put(3), put(2), wrong))
    assert [status for status, _ in seen] == [200, 200, 200, 409, 400]
    assert rows.rows["a"]["revision"] == 3


def test_baskets_are_listed_page_by_page() -> None:
    rows = Rows()
    rows.rows = {name: {"customer": name, "revision": 1} for name in "bac"}
    routes = Orders(Settings(node="order1"), rows).routes()  # type: ignore[arg-type]
    requests = [("GET", f"/baskets{query}", None) for query in ("", "?after=b", "?after=c")]
    first, second, last = asyncio.run(ask(routes, *requests))
    assert [entry["customer"] for entry in first[1]["entries"]] == ["a", "b", "c"]
    assert second == (200, {"entries": [{"customer": "c", "revision": 1}], "next": "c"})
    assert last == (200, {"entries": [], "next": "c"})


def test_the_catalog_reads_a_basket_where_it_may_read() -> None:
    async def check() -> list[Any]:
        nowhere = ("redis://127.0.0.1:1",)
        names = ("DATABASE_URLS", "DATABASE_READ_URLS", "CACHE_URLS")
        catalog = Catalog(Settings(node="catalog1", urls=dict.fromkeys(names, nowhere)))
        standby = Rows()
        standby.rows["a"] = {"customer": "a", "revision": 7, "item": 5}
        catalog._reading = standby  # type: ignore[assignment]
        paths = [("GET", f"/baskets/{name}", None) for name in "ab"]
        return await ask(catalog.routes(), *paths)

    found, absent = asyncio.run(check())
    assert found == (200, {"customer": "a", "revision": 7, "item": 5})
    assert absent == (404, {"error": "no such basket"})


def test_the_edge_sends_writes_to_order_and_reads_to_catalog() -> None:
    async def check() -> None:
        async with opened() as shop:
            put = await shop.client.put("/baskets/a%20b", json={"revision": 1, "item": 2})
            assert put.status == 200
            assert (await shop.get("/baskets/a%20b")).status == 200
            assert [path for one in shop.orders for path in one.asked] == ["/baskets/a b"]
            assert [path for one in shop.catalogs for path in one.asked] == ["/baskets/a b"]

    asyncio.run(check())
