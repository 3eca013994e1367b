"""A bounded number of random deaths on the real shop; `make crash RUNS=500` makes many."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from chaoskit.faults import all_faults
from tests.crash.real import DEATHS, FAULTS, WINDOW, Ground, draw, one, sweep
from tests.crash.sums import summed, written
from tests.system.conftest import Shop

SEED = 7
BOUND = 60.0
RUNS = 6


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_random_deaths_leave_nothing_behind(shop: Shop) -> None:
    """At most six cases, and no new one begins after a minute."""
    ground = Ground(shop.runtime, shop.folder)
    before = ground.fingerprint()
    begun, cases = time.monotonic(), []
    for number in range(RUNS):
        if number > 0 and time.monotonic() - begun > BOUND:
            break
        drawn = draw(SEED, number)
        cases.append(one(ground, drawn, before))
        print(cases[-1])
    assert [case for case in cases if case["left"]] == []
    assert all(case["seconds"] is not None for case in cases)


def test_every_fault_is_drawn_and_every_death() -> None:
    assert set(FAULTS) == {kind.name for kind in all_faults()}
    drawn = [draw(1, number) for number in range(600)]
    assert {each.fault for each in drawn} == set(FAULTS)
    assert {each.death for each in drawn} == set(DEATHS)
    assert all(0 <= each.after <= WINDOW for each in drawn)
    assert drawn == [draw(1, number) for number in range(600)]


def case(death: str, seconds: float | None, left: str = "", stage: str = "injected") -> object:
    return {"fault": "kill", "death": death, "stage": stage, "seconds": seconds, "left": left}


def test_the_sums_count_what_was_left_and_time_only_what_was_in_force(tmp_path: Path) -> None:
    cases = [case("runner", 1.0), case("runner", 3.0), case("runner", 0.1, stage="nothing")]
    cases.append(case("both", None, "outstanding"))
    sums = summed(cases)  # type: ignore[arg-type]
    assert (sums["runs"], sums["left_behind"]) == (4, 1)
    assert sums["by_death"]["runner"] == {
        "runs": 3, "in_force": 2, "left_behind": 0, "seconds_median": 2.0, "seconds_p99": 3.0,
    }  # fmt: skip
    assert sums["by_death"]["both"]["left_behind"] == 1
    kept = {"local": {"seed": 5, "cases": cases, "sums": sums}}
    assert json.loads(written(kept)) == kept


def test_a_sweep_that_has_all_its_runs_only_tells_the_sums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sums.json"
    cases = [case("runner", 1.0), case("both", 2.0)]
    path.write_text(json.dumps({"local": {"seed": 5, "cases": cases}}))
    monkeypatch.setattr(Ground, "fingerprint", lambda ground: {})
    assert sweep("local", 2, path, seed=5) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 2
