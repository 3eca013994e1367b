"""The shop without containers: up, down, side by side, after deaths, on a machine that is used."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chaoskit.ports import NodeState
from chaoskit.world import open_world
from tests.ordinary_user import ROOT, as_ordinary_user
from tests.stage import eventually, lacking

pytestmark = [pytest.mark.local, pytest.mark.slow, pytest.mark.timeout(240)]

SCRIPTS = ROOT / "shop" / "local"


@dataclass
class LocalShop:
    """One shop with a state folder of its own."""

    state: Path
    project: str = "trial"
    without: str = ""

    @property
    def environment(self) -> dict[str, str]:
        named = {"SHOP_STATE": str(self.state), "SHOP_PROJECT": self.project}
        return {**os.environ, **named, "SHOP_WITHOUT": self.without, "PYTHON": sys.executable}

    def call(self, action: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [SCRIPTS / f"{action}.sh"], env=self.environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150,
        )  # fmt: skip
        print(done.stdout)
        return done

    def up(self) -> str:
        done = self.call("up")
        assert done.returncode == 0, done.stdout
        return done.stdout

    @property
    def folder(self) -> Path:
        return self.state / f"local-{self.project}"

    def told(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.folder.with_suffix(".json").read_text())
        return content

    def supervisord(self) -> int:
        return int((self.folder / "supervisord.pid").read_text())

    def processes(self) -> list[int]:
        """Everything that lives and names our folder in its command line or environment."""
        mark, found = os.fsencode(self.folder), []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark in text:
                found.append(int(entry.name))
        return found

    def get(self, path: str) -> int:
        with urllib.request.urlopen(self.told()["entry"] + path, timeout=5) as answer:
            return int(answer.status)


def _standing(state: Path) -> Iterator[LocalShop]:
    if not Path("/proc/self/ns/pid").exists():
        lacking("the local shop needs Linux")
    found = LocalShop(state)
    yield found
    assert found.call("down").returncode == 0


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LocalShop]:
    """A shop that was never up."""
    yield from _standing(tmp_path / "state")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalShop]:
    """One for all tests that begin with `up`, in whatever state the one before left it."""
    yield from _standing(tmp_path_factory.mktemp("shop") / "state")


def test_it_comes_up_says_what_it_waits_for_and_leaves_nothing(fresh: LocalShop) -> None:
    said = fresh.up()
    assert "waiting for: " in said
    assert "at full strength after " in said
    assert fresh.get("/browse?item=1") == 200
    assert len(fresh.told()["entries"]) == 2
    begin = time.monotonic()
    fresh.up()
    assert time.monotonic() - begin < 20  # nothing is made anew
    assert fresh.supervisord() in fresh.processes()
    assert fresh.call("status").returncode == 0
    assert fresh.call("down").returncode == 0
    eventually(lambda: not fresh.processes(), what="the end of every process")
    assert not list(fresh.state.iterdir())
    assert fresh.call("status").returncode == 1
    assert fresh.call("down").returncode == 0  # nothing running is fine


def test_two_that_start_at_once_do_not_meet(fresh: LocalShop, tmp_path: Path) -> None:
    """The same name in two state folders: both begin to look at the same place."""
    other = LocalShop(tmp_path / "a folder with spaces; and more" / ("x" * 60))
    other.without = "cache-fallback"
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(LocalShop.up, (fresh, other)))
        assert set(fresh.told()["addresses"].values()).isdisjoint(
            other.told()["addresses"].values()
        )
        assert fresh.get("/browse?item=1") == other.get("/browse?item=1") == 200
        assert (fresh.told()["without"], other.told()["without"]) == ([], ["cache-fallback"])
        short = Path(other.told()["supervisor"]).parent
    finally:
        assert other.call("down").returncode == 0
    assert not short.exists()


def test_an_up_that_was_killed_does_not_block_the_next(fresh: LocalShop) -> None:
    with subprocess.Popen(
        [SCRIPTS / "up.sh"], env=fresh.environment, stdout=subprocess.DEVNULL
    ) as begun:
        eventually(lambda: (fresh.folder / "supervisord.pid").exists(), 30, "supervisord")
        begun.kill()
    fresh.up()
    assert fresh.get("/browse?item=1") == 200


def test_a_killed_supervisord_does_not_block_the_next_up(shop: LocalShop) -> None:
    shop.up()
    os.kill(shop.supervisord(), signal.SIGKILL)
    eventually(lambda: not shop.processes(), what="the end of every process")
    assert "its supervisord is gone" in shop.up()
    assert shop.get("/browse?item=3") == 200


def test_what_was_stopped_or_frozen_is_back_after_up(shop: LocalShop) -> None:
    shop.up()
    frozen = [pid for pid in shop.processes() if pid != shop.supervisord()]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    shop.up()
    assert shop.get("/browse?item=4") == 200


def test_a_port_that_somebody_holds_everywhere_is_left_to_him(
    shop: LocalShop, fresh: LocalShop
) -> None:
    # Nobody can hold it everywhere while another shop stands on this machine.
    shop.call("down")
    subprocess.run([SCRIPTS / "down.sh"], check=True, timeout=60)
    with closing(socket.create_server(("0.0.0.0", 8404))):
        assert "port 8404 is taken on every address" in fresh.up()
        assert set(fresh.told()["ports"]) == {"8404"}
        words = ["system", "status", "--runtime", "local", "--system", "experiments/shop"]
        status = subprocess.run(
            [sys.executable, "-m", "chaoskit", *words], cwd=ROOT, env=fresh.environment,
            text=True, check=False, capture_output=True, timeout=60,
        )  # fmt: skip
        assert status.returncode == 0, status.stdout + status.stderr


def test_killing_the_primary_leaves_no_postgres_and_the_standby_takes_over(
    shop: LocalShop,
) -> None:

    shop.up()
    told = shop.told()
    addresses = told["addresses"]
    world = open_world({"runtime": "local", "links": {}, "pings": {}, "tiers": {}, **told})
    primary = next(n for n in ("database1", "database2") if _leads(addresses[n]))
    standby = {"database1": "database2", "database2": "database1"}[primary]
    data = f"{shop.folder / primary}/"
    before = _postgres(data)
    assert len(before) > 3
    world.node(primary).reach(NodeState.KILLED)
    eventually(
        lambda: not [pid for pid in before if Path(f"/proc/{pid}/cwd").exists()],
        what="the end of the whole database",
    )
    eventually(lambda: _leads(addresses[standby]), within=40, what="the standby's promotion")


def _leads(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}:8008/primary", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _postgres(data: str) -> list[int]:
    """The processes whose working directory is a database below `data`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd").startswith(data) and "postgres" in os.readlink(
                entry / "exe"
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_mechanism_that_does_not_exist_is_named(shop: LocalShop) -> None:
    shop.without = "cache-fallbag"
    done = shop.call("up")
    shop.without = ""
    assert done.returncode == 1
    assert "SHOP_WITHOUT names no such mechanism: cache-fallbag" in done.stdout
    assert "Traceback" not in done.stdout


def test_what_is_not_installed_is_named(shop: LocalShop, tmp_path: Path) -> None:
    bare = tmp_path / "python"  # an interpreter that sees the standard library only
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    done = subprocess.run(
        [SCRIPTS / "up.sh"], env={**shop.environment, "PYTHON": str(bare)}, text=True,
        check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr


def test_other_mechanisms_start_from_a_clean_state(shop: LocalShop) -> None:
    shop.up()
    shop.without = "gateway-failover"
    try:
        assert "starting from a clean state" in shop.up()
        assert len(shop.told()["entries"]) == 1
    finally:
        shop.without = ""


@pytest.mark.ordinary
def test_an_ordinary_user_runs_it_all() -> None:
    script = """
        export SHOP_STATE=$TMPDIR/shop CHAOSKIT_STATE=$TMPDIR/runs SHOP_PROJECT=theirs
        chaoskit="$0 -m chaoskit"
        where="--runtime local --system experiments/shop"
        $chaoskit system up $where
        $chaoskit run --quick --runtime local --reports $TMPDIR/reports \
            experiments/shop/node-kill.yaml
        $chaoskit system down $where
        find $SHOP_STATE
    """
    ran = as_ordinary_user(["sh", "-ec", script, sys.executable], os.environ, ROOT)
    assert ran.returncode == 0, ran.stdout
    assert "HELD" in ran.stdout
    assert ran.stdout.splitlines()[-1].endswith("/shop")  # nothing is left in it
