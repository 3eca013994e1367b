"""Catalog and order against fake caches and databases: where answers come from, what is asked of
the database, and what each mechanism's absence does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import web as http
from aiohttp.test_utils import TestClient, TestServer

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services import answers, ledger, recommend
from services.failures import Unavailable
from services.order import Orders
from services.settings import Settings
from services.shelf import Found, Shelf


class Store:
    """A cache in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.gone = False

    async def get(self, *keys: str) -> list[Any]:
        self._check()
        return [self.kept.get(key) for key in keys]

    async def put(self, value: Any, seconds: dict[str, int]) -> None:
        self._check()
        self.kept.update(dict.fromkeys(seconds, value))

    def _check(self) -> None:
        if self.gone:
            raise Unavailable("no cache")

    def expire(self) -> None:
        self.kept = {key: value for key, value in self.kept.items() if key.startswith("stale")}


class Source:
    """A database that hands its work a fake connection."""

    def __init__(self, connection: Any = None) -> None:
        self.connection = connection
        self.gone = False
        self.asked = 0

    async def run(self, work: Any) -> Any:
        self.asked += 1
        if self.gone:
            raise Unavailable("no database")
        return await work(self.connection)


async def work(_: Any) -> dict[str, int]:
    return {"item": 1}


class Stand:
    """A shelf with its fakes."""

    def __init__(self, *without: str) -> None:
        self.cache, self.database = Store(), Source()
        settings = Settings(without=frozenset(without))
        self.shelf = Shelf(self.cache, self.database, settings)

    async def look(self) -> Found:
        return await self.shelf.look_up("item:1", work)


def test_the_cache_answers_first_and_a_miss_fills_it() -> None:
    async def check() -> None:
        stand = Stand()
        assert await stand.look() == Found({"item": 1})
        assert await stand.look() == Found({"item": 1})
        assert stand.database.asked == 1
        assert set(stand.cache.kept) == {"fresh:item:1", "stale:item:1"}

    asyncio.run(check())


def test_without_the_cache_the_database_answers_degraded() -> None:
    async def check() -> None:
        stand = Stand()
        stand.cache.gone = True
        assert await stand.look() == Found({"item": 1}, ("cache unavailable",))
        weak = Stand("cache-fallback")
        weak.cache.gone = True
        with pytest.raises(Unavailable):
            await weak.look()
        assert weak.database.asked == 0

    asyncio.run(check())


def test_without_the_database_the_stale_key_answers() -> None:
    async def check() -> None:
        for stand in (Stand(), Stand("stale-answers")):
            await stand.look()
            stand.database.gone = True
            assert await stand.look() == Found({"item": 1})
            stand.cache.expire()
            if stand.shelf._staleness:
                assert await stand.look() == Found({"item": 1}, ("stale",))
            else:
                with pytest.raises(Unavailable):
                    await stand.look()

    asyncio.run(check())


def test_without_both_the_last_known_copy_answers_and_the_unknown_does_not() -> None:
    async def check() -> None:
        stand = Stand()
        stand.cache.gone = stand.database.gone = True
        with pytest.raises(Unavailable):
            await stand.look()
        stand.shelf.learn({"item:1": {"item": 7}})
        assert await stand.look() == Found({"item": 7}, ("cache unavailable", "stale"))

    asyncio.run(check())


def test_a_cache_that_fails_only_on_writing_does_not_fail_the_answer() -> None:
    async def check() -> None:
        stand = Stand()

        async def refuse(value: Any, seconds: dict[str, int]) -> None:
            raise Unavailable("read-only")

        stand.cache.put = refuse  # type: ignore[method-assign]
        assert await stand.look() == Found({"item": 1})

    asyncio.run(check())


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        ([], "object"),
        ({"item": 1}, "order_id"),
        ({"order_id": "x" * 201, "item": 1}, "order_id"),
        ({"order_id": "a", "item": 0}, "whole numbers"),
        ({"order_id": "a", "item": True}, "whole numbers"),
        ({"order_id": "a", "item": 1, "quantity": 1001}, "whole numbers"),
        ({"order_id": "a", "item": 1, "writer": 3}, "writer"),
        ({"order_id": "a", "item": 1, "seq": -1}, "seq"),
    ],
)
def test_what_is_not_an_order_is_refused(body: Any, mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake):
        ledger.wanted(body)


class Books:
    """A fake connection that places orders in memory, keyed as the real table is."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.announced: list[str] = []
        self.delivered: list[str] = []
        self.error: Exception | None = None

    async def fetchrow(self, query: str, *args: Any) -> Any:
        if self.error:
            raise self.error
        if query == ledger.FIND:
            return next((o for o in self.orders.values() if o["order_id"] == args[0]), None)
        assert query == ledger.PLACE
        dedup, order_id, item, quantity, _, _, announce = args
        if dedup in self.orders:
            self.orders[dedup]["repeats"] += 1
            return self.orders[dedup]
        row = {"id": len(self.orders) + 1, "order_id": order_id, "item": item, "repeats": 0}
        self.orders[dedup] = {**row, "quantity": quantity}
        if announce:
            self.announced.append(order_id)
        return self.orders[dedup]

    async def execute(self, query: str, *args: Any) -> str:
        if query == ledger.DELIVER:
            self.delivered += args[1]
        return ""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        if query == ledger.LIST:
            rows = sorted(self.orders.values(), key=lambda row: int(row["id"]))
            return [{"id": row["id"]} for row in rows if row["id"] > args[0]][: args[1]]
        return []


def named(settings_urls: str) -> Settings:
    return Settings(node="order1", urls={"DATABASE_NODE_URLS": tuple(settings_urls.split(","))})


async def ask(monkeypatch: pytest.MonkeyPatch, *paths: str) -> list[tuple[int, Any]]:
    """What the order service answers, with a database node `database2` that has one order."""
    opened: list[str] = []

    class One(Books):
        async def fetchrow(self, query: str, *args: Any) -> Any:
            assert query == ledger.COUNT
            return {"remaining": 98, "ordered": 2}

        def terminate(self) -> None:
            opened.append("closed")

    async def connect(url: str, **_: Any) -> One:
        opened.append(url)
        if "database1" in url:
            raise OSError("no route")
        one = One()
        one.orders["a"] = {"id": 7}
        return one

    monkeypatch.setattr("services.pool.asyncpg.connect", connect)
    urls = "database1=postgresql://database1/shop,database2=postgresql://database2/shop?x=1"
    service = Orders(named(urls), Source(Books()))  # type: ignore[arg-type]
    application = http.Application(middlewares=[answers.signed_by("order1")])
    application.add_routes(service.routes())
    async with TestClient(TestServer(application)) as client:
        seen = []
        for path in paths:
            answer = await client.get(path)
            seen.append((answer.status, await answer.json()))
    assert opened.count("closed") == sum("database2" in url for url in opened)
    return seen


def test_each_database_node_tells_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    listed, beyond, stock, away, unknown, primary = asyncio.run(
        ask(
            monkeypatch,
            "/ledger?from=database2",
            "/ledger?from=database2&after=7",
            "/stock?from=database2",
            "/ledger?from=database1",
            "/ledger?from=database3",
            "/ledger",
        )
    )
    assert listed == (200, {"entries": [{"id": 7}], "next": 7})
    assert beyond == (200, {"entries": [], "next": 7})
    assert stock == (200, {"remaining": 98, "ordered": 2, "total": 100})
    assert away[0] == 503
    assert unknown == (404, {"error": "no database node 'database3'"})
    assert primary == (200, {"entries": [], "next": 0})


async def post(books: Books, without: str, *orders: dict[str, Any]) -> list[tuple[int, Any]]:
    absent = frozenset([without] if without else [])
    service = Orders(Settings(node="order1", without=absent), Source(books))  # type: ignore[arg-type]
    application = http.Application(middlewares=[answers.signed_by("order1")])
    application.add_routes(service.routes())
    async with TestClient(TestServer(application)) as client:
        seen = []
        for order in orders:
            answer = await client.post("/orders", json=order)
            seen.append((answer.status, await answer.json()))
        ledgered = await (await client.get("/ledger?after=0")).json()
        seen.append((len(ledgered["entries"]), ledgered["next"]))
        assert (await client.get("/health")).status == 503  # nobody has made the schema
        return seen


ORDER = {"order_id": "a", "item": 1, "quantity": 2}


def test_a_repeated_order_is_the_same_order() -> None:
    books = Books()
    first, again, ledgered = asyncio.run(post(books, "", ORDER, ORDER))
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert ledgered == (1, 1)
    assert (books.announced, books.delivered) == (["a"], [])


def test_without_idempotent_orders_a_repeat_is_a_second_order() -> None:
    first, again, ledgered = asyncio.run(post(Books(), "idempotent-orders", ORDER, ORDER))
    assert (first[0], again[0]) == (201, 201)
    assert ledgered == (2, 2)


def test_without_an_outbox_even_a_failed_order_is_delivered() -> None:
    books = Books()
    books.error = Unavailable("no primary")
    refused, _ = asyncio.run(post(books, "outbox", ORDER))
    assert refused[0] == 503
    assert (books.orders, books.announced, books.delivered) == ({}, [], ["a"])
    books = Books()
    books.error = Unavailable("no primary")
    asyncio.run(post(books, "", ORDER))
    assert books.delivered == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (asyncpg.ForeignKeyViolationError("item"), 404),
        (asyncpg.CheckViolationError("remaining"), 409),
        (Unavailable("no primary"), 503),
    ],
)
def test_why_an_order_was_not_placed(error: Exception, status: int) -> None:
    books = Books()
    books.error = error
    assert asyncio.run(post(books, "", ORDER))[0][0] == status


def test_deliveries_are_made_before_they_are_marked() -> None:
    class Outbox(Books):
        async def fetch(self, query: str, *args: Any) -> list[Any]:
            return [{"event": 1, "order_id": "a"}, {"event": 2, "order_id": "b"}]

        async def execute(self, query: str, *args: Any) -> str:
            steps.append((query, args))
            return ""

    steps: list[tuple[str, Any]] = []
    assert asyncio.run(ledger.deliver_due(Outbox())) == 2  # type: ignore[arg-type]
    assert steps == [
        (ledger.DELIVER, (["1", "2"], ["a", "b"])),
        (ledger.MARK, ([1, 2],)),
    ]


def test_recommendations_stay_in_the_shop() -> None:
    every = [other for item in range(1, 101) for other in recommend.neighbours(item)]
    assert (min(every), max(every)) == (1, recommend.ITEMS)
