"""What carries a local system dies in the middle of an experiment: never `held`, nothing left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from chaoskit.run.history import outstanding
from tests.system.conftest import LENIENT, SYSTEM, Shop, only

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    only("local"),
]

POINTS = ["web1", "web2", "web -> catalog"]


def listeners(port: int, address: str) -> int:
    """The process that listens on `address:port`, by what /proc says."""
    digits = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    wanted = {row[9] for row in rows if row[1] == f"{digits}:{port:04X}" and row[3] == "0A"}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link).removeprefix("socket:[").removesuffix("]") in wanted:
                return int(link.parts[2])
        except OSError:
            continue
    pytest.fail(f"nobody listens on {address}:{port}")


def the_proxy(shop: Shop) -> int:
    host, _, port = shop.state()["proxies"].removeprefix("http://").rpartition(":")
    return listeners(int(port), host)


def the_supervisor(shop: Shop) -> int:
    folder = Path(shop.state()["supervisor"]).parent
    return int(next(folder.glob("*.pid")).read_text())


@pytest.mark.parametrize("victim", [the_proxy, the_supervisor], ids=lambda f: f.__name__)
def test_a_run_that_lost_its_ground_is_never_held(
    shop: Shop, victim: Callable[[Shop], int]
) -> None:
    before = shop.target().world.fingerprint(POINTS)
    runner = shop.start("run", "experiments/shop/network-latency.yaml", "--quick", *LENIENT)
    shop.until("injected")
    pid = victim(shop)
    assert pid > 1
    os.kill(pid, signal.SIGKILL)
    said, _ = runner.communicate(timeout=200)
    assert runner.returncode in (1, 3, 4, 5), said
    assert "Traceback" not in said
    assert shop.verdict()["status"] != "held"
    shop.up()
    reverted = shop.chaoskit("revert")
    assert reverted.returncode == 0, reverted.stdout + reverted.stderr
    assert not outstanding(shop.records())
    assert shop.target().world.fingerprint(POINTS) == before


def test_a_node_held_down_while_runner_and_supervisord_died_is_put_back(shop: Shop) -> None:
    runner = shop.start("inject", "kill", "--node", "web1", "--for", "60s", "--system", str(SYSTEM))
    shop.until("injected")
    os.kill(the_supervisor(shop), signal.SIGKILL)
    runner.kill()
    runner.wait(timeout=30)
    shop.up()
    reverted = shop.chaoskit("revert")
    assert reverted.returncode == 0, reverted.stdout + reverted.stderr
    assert str(shop.target().world.node("web1").facts().state) == "running"
    assert not outstanding(shop.records())
