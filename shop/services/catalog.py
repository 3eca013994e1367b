"""`catalog`: what the shop sells, and the home of its feature switches.

It answers from the cache and falls back as `shelf` says. Its tables are made through the primary
only: a standby refuses even `create table if not exists`. It must never keep a request waiting for
the schema; until that is there once, it is simply not ready.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
from aiohttp import web as http

from . import answers, baskets, serve
from .cache import Cache
from .database import READING, WRITING, Database, pools
from .failures import Unavailable
from .notice import Notice
from .pool import Connection
from .recommend import ITEMS
from .settings import Settings, read
from .shelf import Found, Shelf
from .switches import DEFAULTS, checked

AGAIN = 0.5
LOCK = 7_461_001  # both nodes start at once: one of them makes the schema, the other waits
SCHEMA = """
select pg_advisory_xact_lock(%d);
create table if not exists items (
    item integer primary key, name text not null, price integer not null);
create table if not exists switches (name text primary key, state boolean not null);
insert into items select n, 'Item ' || n, 100 + n * 37 %% 900 from generate_series(1, %d) n
    on conflict do nothing;
"""
SWITCH = "insert into switches values ($1, $2) on conflict (name) do update set state = $2"


async def fetch_items(connection: Connection) -> list[dict[str, Any]]:
    """Everything the shop sells."""
    rows = await connection.fetch("select item, name, price from items order by item")
    return [dict(row) for row in rows]


async def fetch_switches(connection: Connection) -> dict[str, bool]:
    """The feature switches that were ever set, over the defaults."""
    rows = await connection.fetch("select name, state from switches")
    return {**DEFAULTS, **{row["name"]: row["state"] for row in rows}}


class Catalog:
    """The routes of the catalog and what they need."""

    def __init__(self, settings: Settings) -> None:
        self._node = settings.node
        self._writers = pools(settings.endpoints("DATABASE_URLS"), settings, size=2)
        self._readers = pools(settings.endpoints("DATABASE_READ_URLS"), settings, size=4)
        self._primary = Database(self._writers, WRITING, settings)
        reading = Database(self._readers, READING, settings, last_resort=self._writers)
        self._cache = Cache(settings.endpoints("CACHE_URLS"), settings)
        self._shelf = Shelf(self._cache, reading, settings)
        self._reading = reading
        self._switches = dict(DEFAULTS)
        self._ready = False
        self._waiting = Notice("waiting for the schema")

    def routes(self) -> list[http.RouteDef]:
        """The catalog's API."""
        return [
            http.get("/items", self._items),
            http.get("/items/{item:[0-9]{1,9}}", self._item),
            http.get("/baskets/{customer}", self._basket),
            http.get("/switches", self._shown),
            http.post("/switches", self._turn),
            http.get("/health", self._health),
        ]

    def work(self) -> list[serve.Work]:
        """What runs in the background."""
        return [self._prepare, *(pool.keep for pool in self._writers + self._readers)]

    async def connections(self, _: http.Application) -> AsyncIterator[None]:
        """Cut everything at the end."""
        yield
        for pool in self._writers + self._readers:
            pool.close()
        await self._cache.close()

    async def _prepare(self) -> None:
        """Schema, seed items and a first copy of everything, tried until it works."""

        async def make(connection: Connection) -> list[dict[str, Any]]:
            await connection.execute(SCHEMA % (LOCK, ITEMS))
            return await fetch_items(connection)

        while not self._ready:
            try:
                items = await self._primary.run(make)
            except (Unavailable, asyncpg.PostgresError) as gone:
                self._waiting.happened(gone)
                await asyncio.sleep(AGAIN)
                continue
            self._shelf.learn({"items": items, **{f"item:{one['item']}": one for one in items}})
            self._ready = True

    async def _item(self, request: http.Request) -> http.Response:
        number = int(request.match_info["item"])

        async def fetch(connection: Connection) -> dict[str, Any] | None:
            query = "select item, name, price from items where item = $1"
            row = await connection.fetchrow(query, number)
            return None if row is None else dict(row)

        return _answer(await self._shelf.look_up(f"item:{number}", fetch))

    async def _items(self, _: http.Request) -> http.Response:
        return _answer(await self._shelf.look_up("items", fetch_items))

    async def _basket(self, request: http.Request) -> http.Response:
        customer = request.match_info["customer"]
        row = await self._reading.run(lambda c: c.fetchrow(baskets.GET, customer))
        if row is None:
            return answers.reply({"error": "no such basket"}, 404)
        return answers.reply(dict(row))

    async def _shown(self, _: http.Request) -> http.Response:
        try:
            self._switches = await self._reading.run(fetch_switches)
        except (Unavailable, asyncpg.PostgresError):
            return answers.reply(self._switches, degraded=["stale"])
        return answers.reply(self._switches)

    async def _turn(self, request: http.Request) -> http.Response:
        try:
            wanted = checked(await request.json())
        except (ValueError, json.JSONDecodeError) as mistake:
            return answers.reply({"error": str(mistake)}, 400)

        async def store(connection: Connection) -> None:
            for name, state in wanted.items():
                await connection.execute(SWITCH, name, state)

        await self._primary.run(store)
        self._switches.update(wanted)
        return answers.reply(self._switches)

    async def _health(self, _: http.Request) -> http.Response:
        body = {"node": self._node, "ready": self._ready}
        return answers.reply(body, 200 if self._ready else 503)


def _answer(found: Found) -> http.Response:
    if found.value is None:
        return answers.reply({"error": "no such item"}, 404, degraded=found.degraded)
    return answers.reply(found.value, degraded=found.degraded)


def build(settings: Settings) -> http.Application:
    """The application, ready to run."""
    catalog = Catalog(settings)
    application = http.Application(middlewares=[answers.signed_by(settings.node)])
    application.add_routes(catalog.routes())
    application.cleanup_ctx.append(catalog.connections)
    serve.in_background(application, *catalog.work())
    return application


if __name__ == "__main__":
    serve.run(build, read())
