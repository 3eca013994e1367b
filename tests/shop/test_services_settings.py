"""What the shop's services are told: settings, the table of mechanisms, and how they refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services import mechanisms, settings

SHOP = Path(__file__).parents[2] / "shop"


def test_settings_come_from_the_environment() -> None:
    given = {"SHOP_NODE": "n1", "PORT": "1", "SHOP_WITHOUT": " retries, timeouts ,"}
    read = settings.from_environ({**given, "ORDER_URLS": "http://a/, http://b"})
    assert (read.node, read.port, read.without) == ("n1", 1, {"retries", "timeouts"})
    assert read.endpoints("ORDER_URLS") == ("http://a", "http://b")
    assert (read.seconds(1.0), read.attempts(3)) == (60.0, 1)
    with pytest.raises(ValueError, match="CATALOG_URLS is not set"):
        read.endpoints("CATALOG_URLS")
    with pytest.raises(ValueError, match="no such mechanism"):
        read.has("retrys")


def test_unknown_mechanisms_are_all_named_with_the_known_ones() -> None:
    with pytest.raises(mechanisms.UnknownMechanism, match=r"bar, foo \(known: cache-fallback,"):
        mechanisms.parse("foo,retries,bar")
    infrastructure = "gateway-checks,gateway-failover,db-failover,cache-failover,sync-replication"
    assert len(mechanisms.parse(infrastructure)) == 5


def run(program: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"services.{program}"]
    return subprocess.run(command, cwd=SHOP, env=environ, capture_output=True, text=True)


def test_a_program_refuses_to_start_with_one_sentence() -> None:
    refused = run("recommend", SHOP_WITHOUT="nonsense")
    assert refused.returncode == 1
    assert refused.stderr.startswith("shop: SHOP_WITHOUT names no such mechanism: nonsense (known")
    assert refused.stderr.count("\n") == 1
    assert "CATALOG_URLS is not set" in run("web").stderr


def test_the_table_prints_itself() -> None:
    printed = run("mechanisms").stdout
    assert all(f"| `{one.name}` |" in printed for one in mechanisms.TABLE)
