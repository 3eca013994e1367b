"""The ledger against the tables themselves: what a failover loses, it names, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.system.conftest import LENIENT, Shop, only

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PORT = 5432  # of a local database node, on an address of its own
COPIES = ("database1", "database2")


def lines(files: Iterable[Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def acknowledged(run: Path) -> set[str]:
    """The orders that were answered with success, as the load wrote them down."""
    found: set[str] = set()
    for file in run.glob("load/ledger-*.jsonl"):
        told = lines([file])
        ids = {line["n"]: line["id"] for line in told if "id" in line}
        found |= {ids[line["n"]] for line in told if line.get("outcome") == "ok"}
    return found


def in_the_table(address: str) -> set[str]:
    with psycopg.connect(host=address, port=PORT, user="postgres", dbname="shop") as line:
        return {str(row[0]) for row in line.execute("select order_id from orders")}


@only("local")
def test_exactly_the_orders_that_asynchronous_replication_lost_are_named(any_shop: Shop) -> None:
    any_shop.up(without="sync-replication")
    done = any_shop.chaoskit(
        "run", "experiments/shop/database-loss.yaml", "--quick", *LENIENT,
        "--set", "load.rate=30/s", SHOP_SYNCHRONOUS="false",
    )  # fmt: skip
    addresses = any_shop.state()["addresses"]
    known = set[str]().union(*(in_the_table(addresses[name]) for name in COPIES))
    lost = acknowledged(any_shop.newest()) - known
    assert lost, "nothing was lost: the standby had it all"
    named = lines([any_shop.newest() / "ledger" / "offenders.jsonl"])
    assert {one["id"] for one in named if one["offence"] == "lost"} == lost
    assert done.returncode == 1, done.stdout + done.stderr
