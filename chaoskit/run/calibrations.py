"""Calibrations under the state root: one for each system and runtime, as they are this machine's.

They can be measured again, so one that cannot be read is told and never stops a run.
"""

from __future__ import annotations

from pathlib import Path

from chaoskit.judge.claims import compared
from chaoskit.judge.margins import out_of_reach, warnings
from chaoskit.model.calibration import Calibration
from chaoskit.model.experiment import Experiment
from chaoskit.run.state import StateRoot


def place(state: StateRoot, system: str, runtime: str) -> Path:
    """Where the calibration of a system on a runtime is kept."""
    return state.path / "calibrations" / f"{system}-{runtime}.json"


def keep(state: StateRoot, calibration: Calibration) -> Path:
    """Store it in place of an earlier one; its path. Raises OSError where that is refused."""
    path = place(state, calibration.system, calibration.runtime)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(calibration.model_dump_json(indent=1))
    draft.replace(path)
    return path


def foreseen(
    state: StateRoot, system: str, runtime: str, experiment: Experiment
) -> tuple[str, ...]:
    """What of the experiment no machine can tell, and what this one cannot, as far as is known."""
    return (*out_of_reach(experiment), *_here(place(state, system, runtime), experiment))


def _here(path: Path, experiment: Experiment) -> tuple[str, ...]:
    try:
        return warnings(Calibration.model_validate_json(path.read_bytes()), experiment)
    except FileNotFoundError:
        claims = (*experiment.steady_state, *experiment.expect)
        return (UNKNOWN,) if any(map(compared, claims)) else ()
    except (OSError, ValueError):
        return (f"{path} cannot be read as a calibration: make it again with chaoskit calibrate",)


UNKNOWN = (
    "whether this machine can settle its comparisons is not known: chaoskit calibrate measures it"
)
