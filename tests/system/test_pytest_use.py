"""The `chaos` fixture on the real shop: a suite of a stranger's, under xdist, and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chaoskit.ports import NodeState
from tests.system.conftest import SYSTEM, Shop, eventually, only

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ONCE = only("local")

SUITE = """
import urllib.request

import pytest

ENTRY = {entry!r}


def browse():
    with urllib.request.urlopen(ENTRY + "/browse?item=1", timeout=5) as answer:
        return answer.status


@pytest.mark.parametrize("name", ["web1", "web2", "catalog1", "catalog2", "order1"])
def test_a_node_that_is_gone(chaos, name):
    with chaos.kill(name) as held:
        assert [one.point for one in held.injections] == [name]


@pytest.mark.parametrize("link", ["web -> catalog", "catalog -> database", "web -> recommend"])
def test_a_slow_link(chaos, link):
    with chaos.latency(link, "80ms", jitter="10ms") as held:
        assert browse() == 200
    assert held.injections[0].reverted


def test_the_cache_without_its_master(chaos):
    with chaos.kill("cache", role="master") as held:
        assert held.injections[0].point in ("cache1", "cache2")


def test_two_at_once(chaos):
    with chaos.together(chaos.pause("recommend1"), chaos.bandwidth("web -> order", "20KB/s")):
        assert browse() == 200
"""
KILLED = """
import time

def test_it(chaos):
    with chaos.pause("web1"):
        open("inside", "w").close()
        time.sleep(60)
"""


def start(shop: Shop, folder: Path, suite: str, *words: str) -> subprocess.Popen[str]:
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_suite.py").write_text(suite)
    settings = {"chaoskit_system": SYSTEM, "chaoskit_runtime": shop.runtime}
    options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *words],
        cwd=folder, env=shop.environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    shop.children.append(child)
    return child


@ONCE
def test_ten_tests_in_two_workers(any_shop: Shop, tmp_path: Path) -> None:
    any_shop.stand()
    entry = any_shop.state()["entries"][0]
    world = any_shop.target().world
    before = world.fingerprint(list(world.nodes()))
    child = start(any_shop, tmp_path / "suite", SUITE.format(entry=entry), "-n", "2")
    said, _ = child.communicate(timeout=300)
    assert child.returncode == 0, said
    assert "10 passed" in said
    assert world.fingerprint(list(world.nodes())) == before
    world.close()


@ONCE
def test_pytest_killed_in_the_middle_puts_everything_back(any_shop: Shop, tmp_path: Path) -> None:
    any_shop.stand()
    child = start(any_shop, tmp_path / "suite", KILLED)
    inside = tmp_path / "suite" / "inside"

    def begun() -> Any:
        assert child.poll() is None, child.communicate()[0]
        return inside.exists()

    eventually("the fault is in force", begun, within=60)
    node = any_shop.target().world.node("web1")
    assert node.facts().state is NodeState.FROZEN
    os.kill(child.pid, signal.SIGKILL)
    eventually("web1 runs", lambda: node.facts().state is NodeState.RUNNING, within=15)
