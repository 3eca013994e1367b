"""Orders in the database: placing them exactly once, finding them, listing them, delivering them.

One statement places an order, takes the stock and writes the outbox row, so that all three or none
are committed; who asked is told only after the commit. It must never deliver an order that is not
committed, nor twice (without `outbox` and `idempotent-orders` it does: those are the weaknesses).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from .pool import Connection

LOCK = 7_461_002
STOCK = 1_000_000
SCHEMA = """
select pg_advisory_xact_lock(%d);
create table if not exists stock (
    item integer primary key, remaining integer not null check (remaining >= 0));
create table if not exists orders (
    id bigserial primary key, dedup text not null unique, order_id text not null,
    item integer not null references stock, quantity integer not null check (quantity > 0),
    writer text, seq bigint, repeats integer not null default 0,
    placed timestamptz not null default now());
create index if not exists orders_by_order_id on orders (order_id);
create table if not exists outbox (
    event bigserial primary key, order_id text not null, delivered timestamptz);
create index if not exists outbox_due on outbox (event) where delivered is null;
create table if not exists deliveries (
    event text primary key, order_id text not null, at timestamptz not null default now());
create index if not exists deliveries_by_order_id on deliveries (order_id);
insert into stock select n, %d from generate_series(1, %d) n on conflict do nothing;
"""
# A repeat writes too (`repeats + 1`): its commit then waits for the standby like the first one's,
# so an order is never confirmed from a commit that the standby has not seen.
PLACE = """
with placed as (
    insert into orders (dedup, order_id, item, quantity, writer, seq)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (dedup) do update set repeats = orders.repeats + 1
    returning id, order_id, item, quantity, writer, seq, repeats
), taken as (
    update stock set remaining = remaining - placed.quantity
    from placed where stock.item = placed.item and placed.repeats = 0
), announced as (
    insert into outbox (order_id) select order_id from placed where repeats = 0 and $7
)
select * from placed
"""
FIND = """
select id, order_id, item, quantity, writer, seq, repeats from orders
where order_id = $1 order by id limit 1
"""
LIST = """
select o.id, o.order_id, o.writer, o.seq, exists (
    select from deliveries d where d.order_id = o.order_id) as delivered
from orders o where o.id > $1 order by o.id limit $2
"""
# What is in stock and what was ordered, in one snapshot: together they never change.
COUNT = """
select (select coalesce(sum(remaining), 0) from stock) as remaining,
    (select coalesce(sum(quantity), 0) from orders) as ordered
"""
DUE = "select event, order_id from outbox where delivered is null order by event limit 50"
DELIVER = """
insert into deliveries (event, order_id) select * from unnest($1::text[], $2::text[])
on conflict do nothing
"""
MARK = "update outbox set delivered = now() where event = any($1::bigint[])"


@dataclass(frozen=True)
class Wanted:
    """An order as a client asks for it."""

    order_id: str
    item: int
    quantity: int
    writer: str | None = None
    seq: int | None = None


def wanted(body: Any) -> Wanted:
    """What a request asks for; a ValueError says what is wrong with it."""
    if not isinstance(body, dict):
        raise ValueError("a JSON object is needed")
    order = Wanted(
        order_id=body.get("order_id", ""),
        item=body.get("item", 0),
        quantity=body.get("quantity", 1),
        writer=body.get("writer"),
        seq=body.get("seq"),
    )
    if not isinstance(order.order_id, str) or not 0 < len(order.order_id) <= 200:
        raise ValueError("order_id must be a text of 1 to 200 characters")
    if not (_whole(order.item, 2**31) and _whole(order.quantity, 1001)):
        raise ValueError("item and quantity must be whole numbers above 0 (quantity up to 1000)")
    if order.writer is not None and not isinstance(order.writer, str):
        raise ValueError("writer must be a text")
    if order.seq is not None and not _whole(order.seq + 1, 2**63):
        raise ValueError("seq must be a whole number, 0 or above")
    return order


def _whole(value: Any, end: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < end


async def place(
    connection: Connection, order: Wanted, *, once: bool, announce: bool
) -> dict[str, Any]:
    """Place an order, or find it placed already (`repeats` above 0)."""
    dedup = order.order_id if once else uuid.uuid4().hex
    given = (order.order_id, order.item, order.quantity, order.writer, order.seq)
    return dict(await connection.fetchrow(PLACE, dedup, *given, announce))


async def deliver_blindly(connection: Connection, order_id: str) -> None:
    """What happens without an outbox: the delivery is on its way, whatever becomes of the order."""
    await connection.execute(DELIVER, [uuid.uuid4().hex], [order_id])


async def deliver_due(connection: Connection) -> int:
    """Deliver what is due, then mark it; a crash in between repeats it, and the consumer drops
    the repeat by its event number."""
    rows = await connection.fetch(DUE)
    if rows:
        events = [row["event"] for row in rows]
        names = [str(event) for event in events]
        await connection.execute(DELIVER, names, [row["order_id"] for row in rows])
        await connection.execute(MARK, events)
    return len(rows)
