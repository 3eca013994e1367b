"""A suite is only as good as the weaknesses it finds: each planted one must be found."""

from __future__ import annotations

import pytest

from tests.system.conftest import Shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

FOUND_BY = {
    "cache-fallback": "cache-failure",
    "gateway-checks": "node-kill",
    "db-failover": "database-loss",
    "idempotent-orders": "late-order",
}


@pytest.mark.parametrize("weakness", FOUND_BY)
def test_a_planted_weakness_is_found(any_shop: Shop, weakness: str) -> None:
    shop = any_shop
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
