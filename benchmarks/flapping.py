"""A check that is right 80 % of the time: do runs that differ in nothing but chance agree?

    python benchmarks/flapping.py             # writes flapping.json; prints a table

Each run is made up and goes through the judge as a stored run does: 10 requests a second that all
succeed, and a probe asked once a second that says the truth four times in five. Counted is how many
of 100 runs give the verdict that most give, in the worst of ten hundreds. Beside it, on the same
answers: one question before the fault and one at its end, as a tool does that asks no more.

`bursts`: it is wrong for five seconds at a time instead of once, which is less evidence in the same
time. Measured, never judged.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.judge.verdict import judge
from chaoskit.model.evidence import Evidence
from chaoskit.model.experiment import Experiment
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import InjectionRecord, Span, Timeline

SUMS = Path(__file__).with_name("flapping.json")
RIGHT, RATE, HUNDREDS = 0.8, 10, 10
BASELINE, FAULT, HOLD = 120, 120, 60
BEGIN = 1000.0


@dataclass(frozen=True)
class Case:
    """What is claimed of the check, and whether the system really fails during the fault."""

    name: str
    claim: str
    down: bool = False
    burst: int = 1


CASES = (
    Case("well, at least 60 %", "check success >= 60%"),
    Case("down, at least 60 %", "check success >= 60%", down=True),
    Case("well, against the baseline", "check success vs baseline >= -30pt"),
    Case("down, against the baseline", "check success vs baseline >= -30pt", down=True),
    Case("well, at least 60 %, bursts", "check success >= 60%", burst=5),
    Case("down, at least 60 %, bursts", "check success >= 60%", down=True, burst=5),
)


def experiment(case: Case) -> Experiment:
    return Experiment.model_validate(
        {
            "experiment": "flapping",
            "hypothesis": case.name,
            "load": {"locustfile": "load.py", "rate": f"{RATE}/s"},
            "steady_state": ["success >= 99%"],
            "expect": ["success >= 99%", case.claim],
            "phases": {
                "baseline": f"{BASELINE}s",
                "fault": f"{FAULT}s",
                "recovery": {"within": "20s", "hold": f"{HOLD}s"},
            },
            "faults": [{"name": "kill", "selection": {"node": "cache"}}],
        }
    )


def timeline() -> Timeline:
    """A full course: the fault fills its phase and is proven, recovery takes no time."""
    fault, over = BEGIN + BASELINE, BEGIN + BASELINE + FAULT
    proof = ((fault + 1, Evidence(listed=True, felt=True)),)
    injection = InjectionRecord(
        id="i", fault="kill", point="cache1", tier="cache", begun=fault, acknowledged=fault,
        revert_begun=over, reverted=over, evidence=proof,
    )  # fmt: skip
    return Timeline(
        run="r", experiment="flapping", injections=(injection,), revert_acknowledged=over,
        steady_at=over, full_strength_at=over,
        spans=(
            Span(phase="baseline", begin=BEGIN, end=fault),
            Span(phase="fault", begin=fault, end=over),
            Span(phase="recovery", begin=over, end=over),
            Span(phase="hold", begin=over, end=over + HOLD),
        ),
    )  # fmt: skip


def truthful(random: np.random.Generator, seconds: int, burst: int) -> Any:
    """For each second whether the check says the truth; wrong for `burst` seconds at a time."""
    if burst == 1:
        return random.random(seconds) < RIGHT
    leaves = np.array([RIGHT / (1 - RIGHT) * burst, burst])  # mean seconds of right and of wrong
    state, found = int(random.random() >= RIGHT), []
    for _ in range(seconds):
        found.append(state == 0)
        state ^= int(random.random() < 1 / leaves[state])
    return np.array(found)


def samples(case: Case, random: np.random.Generator) -> Samples:
    """The load, and the check's answers at half seconds."""
    seconds = BASELINE + FAULT + HOLD
    load = np.zeros(seconds * RATE, DTYPE)
    load["start"], load["latency"] = BEGIN + np.arange(len(load)) / RATE, 0.02
    check = np.zeros(seconds, DTYPE)
    check["start"], check["latency"], check["series"] = BEGIN + np.arange(seconds) + 0.5, 0.005, 1
    well = np.ones(seconds, bool)
    well[BASELINE : BASELINE + FAULT] = not case.down
    says = well == truthful(random, seconds, case.burst)
    check["code"] = np.where(says, Outcome.OK, Outcome.FAILED) << 14
    return Samples(np.concatenate([load, check]), ("browse", "check"), probes={"check": 1.0})


def verdicts(case: Case, hundred: int) -> tuple[Counter[str], Counter[str]]:
    """What 100 runs say, and what one question before and one at the end of the fault says."""
    told, single = Counter[str](), Counter[str]()
    for number in range(100):
        found = samples(case, np.random.default_rng([hundred, number]))
        verdict = judge(
            experiment(case), timeline(), found, system="s", runtime="r", started_at="", version=""
        )
        told[str(verdict.status)] += 1
        asked = found.of("check").outcome[[BASELINE - 1, BASELINE + FAULT - 1]] == Outcome.OK
        single["unfit" if not asked[0] else "held" if asked[1] else "violated"] += 1
    return told, single


def measured(case: Case) -> dict[str, Any]:
    pairs = [verdicts(case, hundred) for hundred in range(HUNDREDS)]
    told, single = (sum(part, Counter[str]()) for part in zip(*pairs, strict=True))
    (usual, _), (guess, _) = told.most_common(1)[0], single.most_common(1)[0]
    return {
        "claim": case.claim,
        "system_is_down_during_the_fault": case.down,
        "wrong_for_seconds_at_a_time": case.burst,
        "verdicts": dict(sorted(told.items())),
        "verdict": usual,
        "same_of_100_in_the_worst_hundred": min(found[usual] for found, _ in pairs),
        "single_question": {
            "verdicts": dict(sorted(single.items())),
            "same_of_100_in_the_worst_hundred": min(found[guess] for _, found in pairs),
        },
    }


def main() -> None:
    figures = {case.name: measured(case) for case in CASES}
    kept = {"right": RIGHT, "seconds": [BASELINE, FAULT, HOLD], "runs_each": 100 * HUNDREDS}
    SUMS.write_text(json.dumps({**kept, "cases": figures}, indent=1) + "\n")
    print(f"{'case':30}{'verdict':14}{'same of 100':>12}{'single question':>17}")
    for name, found in figures.items():
        same, single = (
            part["same_of_100_in_the_worst_hundred"] for part in (found, found["single_question"])
        )
        print(f"{name:30}{found['verdict']:14}{same:>12}{single:>17}")


if __name__ == "__main__":
    main()
