"""A suite is only as good as the weaknesses it finds: each planted one must be found."""

from __future__ import annotations

import pytest

from tests.system.conftest import Shop, only

pytestmark = [pytest.mark.slow, pytest.mark.measured, pytest.mark.timeout(500)]

# In containers `gateway-checks` is found by the pipeline (test_pipeline.py).
FOUND_BY = {
    "cache-fallback": "cache-failure",
    "gateway-checks": "node-kill",
    "db-failover": "database-loss",
}


@only("docker")
@pytest.mark.parametrize("weakness", ["cache-fallback", "db-failover"])
def test_a_planted_weakness_is_found_in_containers(any_shop: Shop, weakness: str) -> None:
    find(any_shop, weakness, FOUND_BY[weakness])


@only("local")
@pytest.mark.parametrize("weakness", FOUND_BY)
def test_a_planted_weakness_is_found_locally(any_shop: Shop, weakness: str) -> None:
    find(any_shop, weakness, FOUND_BY[weakness])


@only("local")
def test_orders_that_are_placed_twice_are_found(any_shop: Shop) -> None:
    find(any_shop, "idempotent-orders", "late-order")
    (safety,) = [g for g in any_shop.verdict()["gates"] if g["metric"] == "data_safety"]
    assert "doubled" in safety["reason"]


def find(shop: Shop, weakness: str, experiment: str) -> None:
    shop.up(without=weakness)
    done = shop.measured(experiment)
    assert done.returncode == 1, done.stdout + done.stderr
    verdict = shop.verdict()
    assert verdict["status"] == "violated"
    assert verdict["restored"]
    broken = [g for g in verdict["gates"] if g["status"] == "violated"]
    assert broken
    page = (shop.newest() / "report.md").read_text()
    for gate in broken:
        assert gate["expectation"] in page
        assert gate["shown"] in page
