"""benchmarks/injected.py: what it puts on a link goes away, and what it recorded is judged."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from chaoskit.document import load_experiment
from chaoskit.judge.samples import DTYPE
from chaoskit.model.samples import Outcome
from chaoskit.run.plan import Plan
from tests.proxy.servers import embedded

ROOT = Path(__file__).parents[1]
RATE, PIECE, BEGIN = 60, 10.0, 1000.0
KINDS = ("nothing", "errors +5 %", "2 s outage", "nothing")
ROUNDS = 4


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a script by name; nothing of them is left behind."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield importlib.import_module
    for script in (ROOT / "benchmarks").glob("*.py"):
        sys.modules.pop(script.stem, None)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A load with pieces of two faults, as injecting.py leaves it."""
    bound = load_experiment(ROOT / "experiments" / "shop" / "healthy.yaml")
    plan = Plan(
        run="r", experiment=bound.experiment, system=bound.system, runtime="local", seed=1,
        quick=False, steps=(), worst_case=0.0,
    )  # fmt: skip
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    (tmp_path / "load").mkdir()
    kinds = KINDS * ROUNDS
    (tmp_path / "load" / "worker-0.bin").write_bytes(samples(kinds).tobytes())
    (tmp_path / "load" / "worker-0.names").write_text("browse\ncheckout\n")
    lines = [{"kind": "run", "t": BEGIN, "run": "r", "experiment": "injected"}]
    lines += [{"kind": "phase", "t": BEGIN, "phase": "baseline", "event": "begun"}]
    for number, kind in enumerate(kinds):
        at = BEGIN + number * PIECE
        lines += [{"kind": "piece", "t": at, "fault": kind, "begin": at, "end": at + PIECE,
                   "on": at + 3 * (kind == "2 s outage")}]  # fmt: skip
    # Somebody killed it: the phase has no end, and the last piece is not known to be whole.
    (tmp_path / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def samples(kinds: tuple[str, ...]) -> Any:
    random = np.random.default_rng(1)
    array = np.zeros(int(RATE * PIECE * len(kinds)), DTYPE)
    array["start"] = BEGIN + np.arange(len(array)) / RATE
    array["latency"] = random.lognormal(np.log(0.02), 0.3, len(array))
    array["series"] = np.arange(len(array)) % 2
    kind = np.array(kinds)[((array["start"] - BEGIN) // PIECE).astype(int)]
    into = (array["start"] - BEGIN) % PIECE
    failed = (kind == "errors +5 %") & (random.random(len(array)) < 0.05)
    failed |= (kind == "2 s outage") & (into >= 3) & (into < 5)
    array["code"] = np.where(failed, int(Outcome.FAILED) << 14 | 500, 200)
    return array


def test_windows_of_what_was_recorded_are_judged_and_shown(
    benchmarks: Any, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    injected, quote = benchmarks("injected"), benchmarks("quote")
    monkeypatch.setattr(injected, "SETTINGS", (benchmarks("recorded").Setting(20, 1.5),))
    for module in (benchmarks("verdict"), quote):
        monkeypatch.setattr(module, "HERE", tmp_path)
    injected.judge([recorded])
    found = json.loads((tmp_path / "injected.json").read_text())["figures"]["x1.5, 20 s + 20 s"]
    assert found["piece_seconds"] == PIECE
    assert found["false_alarms"]["violated"] == 0
    errors, outage = found["injected"]["errors +5 %"], found["injected"]["2 s outage"]
    assert (errors["windows"], errors["violated"], errors["inconclusive"]) == (ROUNDS, ROUNDS, 0)
    # 12 of 1200 may fail: at 3 a second they are spent after four seconds, 0.2 s into an outage.
    assert 2 < errors["abort"]["median"] < 7
    assert outage["aborted"] == ROUNDS
    assert 0.2 < outage["abort"]["median"] < 0.8
    assert 0.7 < errors["p99_ratio"]["all"]["median"] < 1.4
    assert found["power"]["2 s outage"]["violated"] == ROUNDS
    page = quote.block("injected")
    assert "Injected, x1.5, 20 s + 20 s, from 4 pieces of 10 s for each fault" in page
    assert "| 2 s outage | 100 % (100 %) | 0 % (0 %) |" in page


def test_a_delay_makes_the_p99_what_was_asked_for(benchmarks: Any) -> None:
    injecting: ModuleType = benchmarks("injecting")
    random = np.random.default_rng(1)
    healthy = random.lognormal(np.log(0.02), 0.5, 100_000)
    for factor in (1.5, 3):
        chosen = random.random(len(healthy)) < injecting.SLOW
        slower = healthy + chosen * injecting.delay(healthy, factor)
        assert np.quantile(slower, 0.99) / np.quantile(healthy, 0.99) == pytest.approx(factor, 0.03)


def test_a_toxic_goes_whatever_happens_and_by_itself(benchmarks: Any) -> None:
    with embedded() as server:
        for name in ("one", "two"):
            server.proxy("127.0.0.1:1", name)
        link = benchmarks("link").Link(server.url, ("one", "two"))
        with suppress(KeyboardInterrupt), link.holding("t", {"type": "latency"}, 2.0):
            held = [server.done("GET", f"/proxies/{name}/toxics") for name in ("one", "two")]
            raise KeyboardInterrupt
        assert [[toxic["ttl"] for toxic in toxics] for toxics in held] == [[7000], [7000]]
        assert server.done("GET", "/proxies/one/toxics") == []
        assert server.done("GET", "/proxies/two/toxics") == []
