"""The shop's own experiments, once each and quick, and the runs that must not be believed."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chaoskit.document import load_experiments
from tests.system.conftest import SHOP, Shop, only

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

# What does not depend on the runtime is tried on the quicker one.
ONCE = only("local")
EXPERIMENTS = {bound.path.stem for bound in load_experiments((SHOP,))}
# Each once, on one of the runtimes; `make soak` repeats all of them on both.
HELD = {
    "docker": ("healthy", "network-latency", "gateway-loss"),
    "local": ("cache-failure", "database-loss", "late-order"),
    "in the pipeline": ("node-kill",),  # on Docker: test_pipeline.py
}


def test_every_experiment_has_its_place() -> None:
    assert {name for names in HELD.values() for name in names} == EXPERIMENTS


@pytest.mark.measured
@only("local")
@pytest.mark.parametrize("name", HELD["local"])
def test_the_healthy_local_shop_holds(any_shop: Shop, name: str) -> None:
    holds(any_shop, name)


@pytest.mark.measured
@only("docker")
@pytest.mark.parametrize("name", HELD["docker"])
def test_the_healthy_shop_in_containers_holds(any_shop: Shop, name: str) -> None:
    holds(any_shop, name)


def holds(shop: Shop, name: str) -> None:
    shop.stand()  # the run itself waits for full strength
    done = shop.measured(name)
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = shop.verdict()
    assert verdict["status"] == "held"
    assert verdict["restored"]
    suite = ElementTree.parse(shop.newest() / "junit.xml").getroot()
    assert not list(suite.iter("failure"))
    assert "http" not in _without_namespaces((shop.newest() / "report.html").read_text())


def _without_namespaces(page: str) -> str:
    for known in ("http://www.w3.org", "http://127.0.0.1", "http://purl.org",
                  "http://creativecommons.org"):  # fmt: skip
        page = page.replace(known, "")
    return page.replace("http-equiv", "")


def _changed(folder: Path, name: str, **settings: object) -> Path:
    """A copy of the shop's files in `folder`, beside which an experiment may differ."""
    shutil.copytree(SHOP, folder, dirs_exist_ok=True)
    text = (SHOP / "system.yaml").read_text().replace("../../shop", str(SHOP.parents[1] / "shop"))
    for old, new in settings.items():
        text = text.replace(old, str(new))
    (folder / "system.yaml").write_text(text)
    return folder / f"{name}.yaml"


@pytest.fixture
def idle_proxy(shop: Shop) -> Iterator[str]:
    """A proxy of the shop's own server that nothing goes through."""
    name = "chaoskit-test-idle"
    api = f"{shop.state()['proxies']}/proxies"
    content = {"name": name, "listen": "127.0.0.1:29999", "upstream": "127.0.0.1:9"}
    urllib.request.urlopen(
        urllib.request.Request(api, json.dumps(content).encode(), method="POST"), timeout=5
    ).close()
    yield name
    urllib.request.urlopen(
        urllib.request.Request(f"{api}/{name}", method="DELETE"), timeout=5
    ).close()


@ONCE
def test_a_fault_that_does_not_bite_is_inconclusive(
    shop: Shop, idle_proxy: str, tmp_path: Path
) -> None:
    path = _changed(tmp_path / "files", "network-latency")
    text = (path.parent / "system.yaml").read_text()
    (path.parent / "system.yaml").write_text(
        text.replace("[web-catalog1, web-catalog2]", f"[{idle_proxy}]")
    )
    done = shop.chaoskit("run", str(path), "--quick")
    assert done.returncode == 3, done.stdout + done.stderr
    assert shop.verdict()["status"] == "inconclusive"
    assert any("web -> catalog" in reason for reason in shop.verdict()["reasons"])


@ONCE
def test_a_broken_baseline_is_inconclusive_and_nothing_is_injected(shop: Shop) -> None:
    done = shop.chaoskit(
        "run", "experiments/shop/node-kill.yaml", "--quick",
        "--set", "steady_state.2=browse p95 < 1ms",
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    assert not any(r["kind"] == "injecting" for r in shop.records())
    assert "baseline" in shop.verdict()["reasons"][0]


@ONCE
def test_a_load_script_that_raises_ends_with_five(shop: Shop, tmp_path: Path) -> None:
    path = _changed(tmp_path / "files", "node-kill")
    (path.parent / "load.py").write_text("import locust\n\nraise RuntimeError('no such shop')\n")
    done = shop.chaoskit("run", str(path), "--quick")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "load.py:3" in done.stderr
    assert "no such shop" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_proxy_that_is_away_ends_with_five(shop: Shop, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps(shop.state() | {"proxies": "http://127.0.0.1:18999"}))
    path = _changed(tmp_path / "files", "network-latency")
    text = (path.parent / "system.yaml").read_text()
    (path.parent / "system.yaml").write_text(re.sub(r"state: .*", f"state: {state}", text))
    done = shop.chaoskit("run", str(path), "--quick")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "18999" in done.stderr
    assert "Traceback" not in done.stderr


@ONCE
def test_a_stored_run_is_judged_and_reported_again(shop: Shop) -> None:
    shop.chaoskit("run", "experiments/shop/node-kill.yaml", "--quick",
                  "--set", "steady_state.2=browse p95 < 1ms")  # fmt: skip
    folder = shop.newest()
    first = (folder / "verdict.json").read_text()
    assert shop.chaoskit("judge", str(folder)).returncode == 3
    assert (folder / "verdict.json").read_text() == first
    page = (folder / "report.html").read_bytes()
    assert shop.chaoskit("report", str(folder)).returncode == 0
    assert (folder / "report.html").read_bytes() == page
