"""Probes beside the load on the real shop, under a script as one writes it for a closed loop.

A shared machine stands still for seconds: nothing here asks for more than one good answer in a
phase, and what is frozen is so for longer than the machine stands still.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.conftest import SHOP, SYSTEM, Shop, only

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), only("local")]

SQL = "tier: database, user: shop, database: shop, query: select pg_is_in_recovery()"
PROBES = f"""
probes:
  front: {{http: {{url: /health}}, every: 500ms}}
  web-health: {{http: {{tier: web, port: 8080, path: /health}}, every: 500ms}}
  web-port: {{tcp: {{tier: web, port: 8080}}, every: 500ms}}
  web-shell: {{command: {{inside: web, run: ["true"]}}, every: 1s}}
  web1-runs: {{state: {{node: web1}}, every: 200ms}}
  primary: {{sql: {{{SQL}, expect: "== f"}}, holders: one, every: 500ms}}
  standby: {{sql: {{{SQL}, expect: "== t"}}, holders: one, every: 500ms}}
  cache-linked:
    redis_value:
      {{tier: cache, run: [INFO, replication], field: master_link_status, expect: "== up"}}
    holders: one
    every: 500ms
  seldom: {{tcp: {{tier: web, port: 8080}}, every: 1m}}
"""
WELL = ("front", "web-port", "primary", "standby", "cache-linked")
OF_WEB1 = ("web-health", "web-shell", "web1-runs")
# A probe is asked where a claim names it.
ASKED = sorted({*WELL, *OF_WEB1} - {"web-port", "web1-runs"})
EXPERIMENT = f"""
experiment: probed
hypothesis: What is asked beside the load tells what was so
system: ./system.yaml
load: {{locustfile: closed.py, rate: 10/s, timeout: 5s}}
steady_state:
  - success >= 0%
  - degraded <= 100%
  - shed <= 100%
phases: {{baseline: 6s, fault: 6s, recovery: {{within: 20s, hold: 4s}}}}
faults:
  - pause: {{node: web1, for: 5s}}
expect:
  - success >= 0%
  - degraded <= 100%
  - shed <= 100%
  - web-port success >= 10%
  - web1-runs success >= 90%
  - seldom success >= 90%
{"".join(f"  - {name} success >= 0%{chr(10)}" for name in ASKED)}on_violation: continue
"""
CLOSED = """\
from locust import HttpUser, between, constant_pacing, task


class Pacer(HttpUser):
    wait_time = constant_pacing(1)

    @task
    def browse(self):
        self.client.get("/browse?item=3", name="browse")


class Thinker(HttpUser):
    wait_time = between(0.5, 2)

    @task
    def look(self):
        self.client.get("/browse?item=4", name="look")
"""


@pytest.fixture
def probed(tmp_path: Path) -> Path:
    """The experiment, beside the shop's system with probes of its own."""
    folder = tmp_path / "files"
    folder.mkdir()
    system = SYSTEM.read_text().replace("../../shop", str(SHOP.parents[1] / "shop"))
    (folder / "system.yaml").write_text(system.replace("\nprobes:\n", PROBES, 1))
    (folder / "closed.py").write_text(CLOSED)
    (folder / "probed.yaml").write_text(EXPERIMENT)
    return folder / "probed.yaml"


def test_each_probe_tells_what_was_so(any_shop: Shop, probed: Path) -> None:
    any_shop.stand()
    done = any_shop.chaoskit("run", str(probed))
    assert done.returncode in (1, 3), done.stdout + done.stderr
    verdict = any_shop.verdict()
    assert verdict["restored"]

    rows = {(f["series"], f["phase"]): f for f in verdict["figures"]}
    for name in (*WELL, *OF_WEB1):
        assert rows[name, "baseline"]["ok"] > 0, name
        assert rows[name, "hold"]["ok"] > 0, name
    for name in OF_WEB1:
        assert rows[name, "fault"]["failed"] > 0, name

    gates = {g["series"]: g for g in verdict["gates"] if g["phase"] == "fault"}
    assert gates["web1-runs"]["status"] == "violated"
    assert gates["web-port"]["status"] == "held"  # whoever is frozen still accepts
    assert gates["seldom"]["status"] == "inconclusive"
    assert gates["seldom"]["reason"].startswith("no data: probe 'seldom' gave none")

    why = {
        r["probe"]: r["detail"] for r in any_shop.records() if r["kind"] == "probe" and not r["ok"]
    }
    assert set(OF_WEB1) <= set(why)
    assert all(why.values())

    for name in ("Pacer", "Thinker"):
        warning = f"{name}.wait_time is ignored between tasks: arrivals follow `rate`"
        assert any(said.startswith(warning) for said in verdict["load"]["warnings"])
        assert f"Load: {warning}" in " ".join(done.stdout.split())
        assert warning in (any_shop.newest() / "report.md").read_text().replace("\\", "")
