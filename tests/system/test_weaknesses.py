"""A suite is only as good as the weaknesses it finds: each planted one must be found."""

from __future__ import annotations

import pytest

from tests.system.conftest import Shop, only

pytestmark = [pytest.mark.slow, pytest.mark.measured, pytest.mark.timeout(500)]

FOUND_BY = {
    "cache-fallback": "cache-failure",
    "gateway-checks": "node-kill",
    "db-failover": "database-loss",
    "idempotent-orders": "late-order",
}
# Each once, on one of the runtimes; `make soak` finds all of them on both.
FOUND = {
    "docker": ("db-failover",),
    "local": ("cache-fallback",),
    "in the pipeline": ("gateway-checks",),  # on Docker: test_pipeline.py
}


def test_every_weakness_has_its_place() -> None:
    placed = {name for names in FOUND.values() for name in names}
    assert placed | {"idempotent-orders"} == set(FOUND_BY)


@only("docker")
@pytest.mark.parametrize("weakness", FOUND["docker"])
def test_a_planted_weakness_is_found_in_containers(any_shop: Shop, weakness: str) -> None:
    find(any_shop, weakness)


@only("local")
@pytest.mark.parametrize("weakness", FOUND["local"])
def test_a_planted_weakness_is_found_locally(any_shop: Shop, weakness: str) -> None:
    find(any_shop, weakness)


@only("local")
def test_orders_that_are_placed_twice_are_found(any_shop: Shop) -> None:
    find(any_shop, "idempotent-orders")
    (safety,) = [g for g in any_shop.verdict()["gates"] if g["metric"] == "data_safety"]
    assert "doubled" in safety["reason"]


def find(shop: Shop, weakness: str) -> None:
    shop.up(without=weakness)
    done = shop.measured(FOUND_BY[weakness])
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
