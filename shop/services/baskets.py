"""Baskets: one row a customer, replaced by every newer revision of it.

`order` writes and lists them, `catalog` reads them wherever it may read: a basket then shows what
a standby holds that has fallen behind. A write that comes late must never replace a newer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SCHEMA = """
create table if not exists baskets (
    customer text primary key, revision bigint not null, item integer not null);
"""
# The same revision again writes, too: its commit then waits for the standby like the first one's.
PUT = """
insert into baskets values ($1, $2, $3)
on conflict (customer) do update set revision = excluded.revision, item = excluded.item
where baskets.revision <= excluded.revision
returning customer, revision, item
"""
GET = "select customer, revision, item from baskets where customer = $1"
LIST = """
select customer, revision from baskets where customer > $1 order by customer limit $2
"""


@dataclass(frozen=True)
class Basket:
    """What a customer is about to buy, in its `revision`."""

    revision: int
    item: int


def wanted(body: Any) -> Basket:
    """What a request puts there; a ValueError says what is wrong with it."""
    basket = body if isinstance(body, dict) else {}
    numbers = basket.get("revision"), basket.get("item")
    if not all(type(number) is int and 0 < number < 2**31 for number in numbers):
        raise ValueError("revision and item must be whole numbers above 0")
    return Basket(*numbers)
