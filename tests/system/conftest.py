"""The real shop, on each runtime. Brought up once; a weakness recreates it and is taken back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chaoskit.cli.opening import open_system
from chaoskit.document import load_system
from chaoskit.errors import ChaoskitError
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.target import Target
from tests.stage import SHOP_SYSTEM, lower_shop, raise_shop, shop_state

ROOT = Path(__file__).parents[2]
SYSTEM = SHOP_SYSTEM
SHOP = SYSTEM.parent


# For runs that are cut short on purpose: what they show of the shop's ease is beside the point,
# so a machine that stalls in their baseline must not keep them from injecting. Their load is small:
# at the full rate a shop without a processor for two seconds does not catch up within a baseline.
LENIENT = (
    "--set", "steady_state=[all success >= 0%, all degraded <= 100%, all shed <= 100%]",
    "--set", "abort_when=[]",
    "--set", "load.rate=15/s", "--set", "phases.baseline=3s",
)  # fmt: skip


def eventually(what: str, seen: Callable[[], Any], within: float) -> float:
    """Poll until `seen` is true; returns the seconds it took, fails naming what was awaited."""
    begin = time.monotonic()
    while time.monotonic() - begin < within:
        if seen():
            return time.monotonic() - begin
        time.sleep(0.02)
    pytest.fail(f"not within {within:g} s: {what}")


@dataclass
class Shop:
    """The shop, and `chaoskit` run against it in processes of its own."""

    folder: Path
    runtime: str
    without: str = "?"
    children: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"CHAOSKIT_STATE": str(self.folder / "state")}

    def up(self, without: str = "") -> None:
        """At full strength, with the mechanisms `without` taken out."""
        raise_shop(without, self.environment, self.runtime)
        self.without = without

    def stand(self) -> None:
        """Healthy, raised only where a look finds it ill: enough for what judges no figures."""
        try:
            ill = self.state()["without"] or self.target().missing()
        except (ChaoskitError, OSError):
            ill = True
        if ill:
            self.up()

    def target(self) -> Target:
        return open_system(load_system(SYSTEM), SHOP, self.runtime).target

    def state(self) -> dict[str, Any]:
        """What the shop's `up` wrote down."""
        content: dict[str, Any] = json.loads(shop_state(self.runtime).read_text())
        return content

    def command(self, *words: str) -> list[str]:
        found = [sys.executable, "-m", "chaoskit", *words]
        if words[0] in ("run", "inject"):
            found += ["--reports", str(self.folder), "--runtime", self.runtime]
        return found

    def chaoskit(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words), cwd=ROOT, env=self.environment | environment,
            capture_output=True, text=True, check=False, timeout=400,
        )  # fmt: skip
        print(done.stdout, done.stderr)
        return done

    def measured(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the shop's experiment `name`, quick; again (twice) where the machine was in the way.

        A shared machine stalls for a second now and then: the generator is late, or the baseline
        is unfit before any fault. The verdict is then *inconclusive* and tells nothing of the
        claim, as its reasons say.
        """
        words = ("run", f"experiments/shop/{name}.yaml", "--quick")
        noise = ("the load generator ", "baseline unfit: ", "it would otherwise be violated: ")
        hidden = "inconclusive: the load generator stalled "
        for last in (False, False, True):
            done = self.chaoskit(*words)
            if last or done.returncode != 3:
                break
            reasons = self.verdict()["reasons"]
            if not all(told.startswith(noise) or hidden in told for told in reasons):
                break
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self.command(*words), cwd=ROOT, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.children.append(process)
        return process

    def newest(self) -> Path:
        """The directory of the newest run."""
        return max(self.folder.glob("*/*/plan.json"), key=lambda p: p.parent.name).parent

    def records(self) -> list[dict[str, Any]]:
        journal = self.newest() / NAME
        return read_records(journal) if journal.exists() else []

    def verdict(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.newest() / "verdict.json").read_text())
        return content

    def until(self, kind: str, within: float = 90.0) -> None:
        """Wait until the run that began last has journalled `kind`; fails at once when it ended."""

        def seen() -> bool:
            ended = self.children and self.children[-1].poll() is not None
            found = any(self.folder.glob("*/*/plan.json"))
            if found and any(r["kind"] == kind for r in self.records()):
                return True
            if ended:
                said, _ = self.children[-1].communicate(timeout=10)
                pytest.fail(f"it ended before '{kind}' was in the journal: {said}")
            return False

        eventually(f"'{kind}' is in the journal", seen, within)


ON = [
    pytest.param("local", marks=pytest.mark.local),
    pytest.param("docker", marks=pytest.mark.docker),
]


def only(runtime: str) -> pytest.MarkDecorator:
    """For a test on one runtime only."""
    (found,) = [each for each in ON if each.values == (runtime,)]
    return pytest.mark.parametrize("runtime", [found], indirect=True)


# Of the session, so that all tests on one runtime come before those on the other.
@pytest.fixture(scope="session", params=ON)
def runtime(request: pytest.FixtureRequest) -> Iterator[str]:
    """Afterwards the shop is taken down: two dozen containers would slow all that follows."""
    yield request.param
    lower_shop(request.param)


@pytest.fixture
def any_shop(runtime: str, tmp_path: Path) -> Iterator[Shop]:
    """The shop as the test before left it; whatever this test started is ended after it."""
    found = Shop(tmp_path, runtime)
    yield found
    for child in found.children:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    """The healthy shop at full strength."""
    any_shop.up()
    return any_shop
