"""`order`: places orders, exactly once each, and has them delivered.

It must never acknowledge a write before its commit, nor drop one that it has acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
from aiohttp import web as http

from . import answers, baskets, ledger, serve
from .copies import Copies
from .database import WRITING, Database, Work, pools
from .failures import Unavailable
from .notice import Notice
from .pool import Connection
from .recommend import ITEMS
from .settings import Settings, read

AGAIN = 0.5
IDLE = 0.3
PAGE = 10_000


class Orders:
    """The routes of the order service and what they need."""

    def __init__(self, settings: Settings, database: Database | None = None) -> None:
        self._node = settings.node
        self._pools = [] if database else pools(settings.endpoints("DATABASE_URLS"), settings, 6)
        self._database = database or Database(self._pools, WRITING, settings)
        self._copies = Copies(settings)
        self._once = settings.has("idempotent-orders")
        self._outbox = settings.has("outbox")
        self._ready = False
        self._fired: set[asyncio.Task[None]] = set()
        self._waiting = Notice("waiting for the schema")
        self._held_up = Notice("deliveries held up")

    def routes(self) -> list[http.RouteDef]:
        """The order API."""
        return [
            http.post("/orders", self._place),
            http.get("/orders/{order_id}", self._find),
            http.put("/baskets/{customer}", self._fill),
            http.get("/baskets", self._filled),
            http.get("/ledger", self._list),
            http.get("/stock", self._count),
            http.get("/health", self._health),
        ]

    def work(self) -> list[serve.Work]:
        """What runs in the background."""
        return [self._prepare, self._deliver, *(pool.keep for pool in self._pools)]

    async def connections(self, _: http.Application) -> AsyncIterator[None]:
        """Cut everything at the end."""
        yield
        for pool in self._pools:
            pool.close()

    async def _prepare(self) -> None:
        async def make(connection: Connection) -> None:
            schema = ledger.SCHEMA % (ledger.LOCK, ledger.STOCK, ITEMS)
            await connection.execute(schema + baskets.SCHEMA)

        while not self._ready:
            try:
                await self._database.run(make)
                self._ready = True
            except (Unavailable, asyncpg.PostgresError) as gone:
                self._waiting.happened(gone)
                await asyncio.sleep(AGAIN)

    async def _deliver(self) -> None:
        while self._outbox:
            delivered = 0
            try:
                if self._ready:
                    delivered = await self._database.run(ledger.deliver_due)
                    self._held_up.passed()
            except (Unavailable, asyncpg.PostgresError) as gone:
                self._held_up.happened(gone)
            await asyncio.sleep(0 if delivered else IDLE)

    async def _place(self, request: http.Request) -> http.Response:
        try:
            wanted = ledger.wanted(await request.json())
        except (ValueError, TypeError, json.JSONDecodeError) as mistake:
            return answers.reply({"error": str(mistake)}, 400)
        if not self._outbox:
            self._fire(wanted.order_id)
        try:
            placed = await self._database.run(
                lambda c: ledger.place(c, wanted, once=self._once, announce=self._outbox)
            )
        except asyncpg.ForeignKeyViolationError:
            return answers.reply({"error": "no such item"}, 404)
        except asyncpg.CheckViolationError:
            return answers.reply({"error": "sold out"}, 409)
        repeats = placed.pop("repeats")
        return answers.reply(placed, 200 if repeats else 201)

    def _fire(self, order_id: str) -> None:
        async def deliver() -> None:
            with contextlib.suppress(Unavailable, asyncpg.PostgresError):
                await self._database.run(lambda c: ledger.deliver_blindly(c, order_id))

        task = asyncio.create_task(deliver())
        self._fired.add(task)  # the loop itself keeps only weak references
        task.add_done_callback(self._fired.discard)

    async def _find(self, request: http.Request) -> http.Response:
        order_id = request.match_info["order_id"]
        row = await self._database.run(lambda c: c.fetchrow(ledger.FIND, order_id))
        if row is None:
            return answers.reply({"error": "no such order"}, 404)
        found = dict(row)
        found.pop("repeats")
        return answers.reply(found)

    async def _fill(self, request: http.Request) -> http.Response:
        try:
            wanted = baskets.wanted(await request.json())
        except ValueError as mistake:
            return answers.reply({"error": str(mistake)}, 400)
        given = request.match_info["customer"], wanted.revision, wanted.item
        row = await self._database.run(lambda c: c.fetchrow(baskets.PUT, *given))
        if row is None:
            return answers.reply({"error": "a newer revision is there"}, 409)
        return answers.reply(dict(row))

    async def _filled(self, request: http.Request) -> http.Response:
        after = request.query.get("after", "")
        rows: list[Any] = await self._read(request, lambda c: c.fetch(baskets.LIST, after, PAGE))
        entries = [dict(row) for row in rows]
        last = entries[-1]["customer"] if entries else after
        return answers.reply({"entries": entries, "next": last})

    async def _list(self, request: http.Request) -> http.Response:
        try:
            after = int(request.query.get("after", "0"))
            limit = min(int(request.query.get("limit", str(PAGE))), PAGE)
        except ValueError:
            return answers.reply({"error": "after and limit must be numbers"}, 400)
        rows: list[Any] = await self._read(request, lambda c: c.fetch(ledger.LIST, after, limit))
        entries = [dict(row) for row in rows]
        return answers.reply({"entries": entries, "next": entries[-1]["id"] if entries else after})

    async def _count(self, request: http.Request) -> http.Response:
        row = await self._read(request, lambda c: c.fetchrow(ledger.COUNT))
        counted = {"remaining": int(row["remaining"]), "ordered": int(row["ordered"])}
        return answers.reply({**counted, "total": sum(counted.values())})

    async def _read(self, request: http.Request, work: Work[Any]) -> Any:
        """Of the primary as everything else, or of the database node that `from` names."""
        name = request.query.get("from")
        if name is None:
            return await self._database.run(work)
        if name not in self._copies:
            raise http.HTTPNotFound(text=f"no database node '{name}'")
        return await self._copies.ask(name, work)

    async def _health(self, _: http.Request) -> http.Response:
        body = {"node": self._node, "ready": self._ready}
        return answers.reply(body, 200 if self._ready else 503)


def build(settings: Settings) -> http.Application:
    """The application, ready to run."""
    orders = Orders(settings)
    application = http.Application(middlewares=[answers.signed_by(settings.node)])
    application.add_routes(orders.routes())
    application.cleanup_ctx.append(orders.connections)
    serve.in_background(application, *orders.work())
    return application


if __name__ == "__main__":
    serve.run(build, read())
