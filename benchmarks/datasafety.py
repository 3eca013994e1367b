"""What the ledger finds on the local shop, beside what the tables say; kept in datasafety.json.

    python benchmarks/datasafety.py            # all three; some five minutes
    python benchmarks/datasafety.py doubled    # one of them; the others are kept

Orders are counted in the tables of both databases, read directly once the run is over, and in what
the load wrote down as acknowledged: neither passes through the ledger. Measured, never judged; the
name of a case says what was done to the shop.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg

SUMS = Path(__file__).with_name("datasafety.json")
SHOP = Path("experiments/shop")
STATE = Path("shop/.state/local-shop.json")
REPORTS = Path("reports/datasafety")
COPIES, PORT = ("database1", "database2"), 5432
# What a machine that stalls does to the load is beside the point here.
LENIENT = (
    "--set", "steady_state=[all success >= 0%, all degraded <= 100%, all shed <= 100%]",
    "--set", "abort_when=[]",
)  # fmt: skip
Figures = dict[str, Any]


def lines(files: Iterable[Path]) -> Iterator[Figures]:
    for file in files:
        yield from map(json.loads, file.read_text().splitlines())


def up(without: str) -> None:
    words = [sys.executable, "-m", "chaoskit", "system", "up", "--runtime", "local"]
    environment = os.environ | {"SHOP_WITHOUT": without}
    subprocess.run([*words, "--system", str(SHOP)], env=environment, check=True)


def run(experiment: Path, *words: str, **environment: str) -> Path:
    """The directory of the run; its verdict may be any."""
    before = set(REPORTS.glob("*/*"))
    command = [sys.executable, "-m", "chaoskit", "run", "--runtime", "local", str(experiment)]
    command += ["--reports", str(REPORTS), *words]
    subprocess.run(command, env=os.environ | environment, check=False)
    (made,) = set(REPORTS.glob("*/*")) - before
    return made


def written(made: Path) -> tuple[set[str], set[str]]:
    """The orders that the load tried to place, and of them those answered with success."""
    tried, acknowledged = set[str](), set[str]()
    for file in made.glob("load/ledger-*.jsonl"):
        told = list(lines([file]))
        ids = {line["n"]: line["id"] for line in told if "id" in line}
        tried |= set(ids.values())
        acknowledged |= {ids[line["n"]] for line in told if line.get("outcome") == "ok"}
    return tried, acknowledged


def tables() -> list[Counter[str]]:
    """How often each order stands in the table of each database."""
    addresses, found = json.loads(STATE.read_text())["addresses"], []
    for name in COPIES:
        with psycopg.connect(
            host=addresses[name], port=PORT, user="postgres", dbname="shop"
        ) as line:
            found.append(
                Counter(str(row[0]) for row in line.execute("select order_id from orders"))
            )
    return found


def figures(made: Path) -> Figures:
    """The ledger's own figures, and those of the tables."""
    verdict = json.loads((made / "verdict.json").read_text())
    safety = verdict["data_safety"]
    found = {
        "experiment": verdict["experiment"], "run": verdict["run"], "verdict": verdict["status"],
        "acknowledged": safety.get("acknowledged", 0), "found": safety.get("offences", {}),
    }  # fmt: skip
    return found | beside(made)


def beside(made: Path) -> Figures:
    """Orders lost or doubled by the tables, and whether the ledger names exactly these."""
    every, (tried, ours) = tables(), written(made)
    named: dict[str, set[str]] = {"lost": set(), "doubled": set()}
    for one in lines(made.glob("ledger/offenders.jsonl")):
        named.setdefault(one["offence"], set()).add(one["id"])
    lost = {order for order in ours if not any(copy[order] for copy in every)}
    doubled = {order for order in tried if any(copy[order] > 1 for copy in every)}
    return {
        "by_the_tables": {"lost": len(lost), "doubled": len(doubled)},
        "exactly": lost == named["lost"] and doubled == named["doubled"],
    }


def primary_lost(without: str = "", **environment: str) -> Path:
    up(without)
    told = (*LENIENT, "--quick", "--set", "load.rate=30/s")
    return run(SHOP / "database-loss.yaml", *told, **environment)


def lost_asynchronously() -> Path:
    return primary_lost("sync-replication", SHOP_SYNCHRONOUS="false")


def doubled() -> Path:
    up("idempotent-orders")
    return run(SHOP / "late-order.yaml", *LENIENT, "--quick")


CASES: dict[str, tuple[str, Callable[[], Path]]] = {
    "asynchronous": ("the primary dies, replication is asynchronous", lost_asynchronously),
    "synchronous": ("the primary dies, replication is synchronous", primary_lost),
    "doubled": ("an answer comes too late, orders are not idempotent", doubled),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; default: all")
    wishes = parser.parse_args()
    if unknown := set(wishes.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    sums = json.loads(SUMS.read_text()) if SUMS.exists() else {}
    for name in wishes.cases or CASES:
        what, made = CASES[name]
        sums[name] = {"what": what} | figures(made())
        SUMS.write_text(json.dumps(sums, indent=1) + "\n")
    up("")
    print(json.dumps(sums, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
