"""What the run of a step left behind, read from its journal. It must never guess."""

from __future__ import annotations

from pathlib import Path

from chaoskit.errors import ChaoskitError
from chaoskit.run.history import injections
from chaoskit.run.journal import NAME, read_records


def told(run: str) -> str:
    """What became of what the run in the directory `run` injected; `run` is empty without one."""
    if not run:
        return "no run had begun"
    try:
        found = injections(read_records(Path(run) / NAME))
    except (ChaoskitError, OSError) as error:
        return (
            f"whether something is still in force is not known ({error}): "
            f"look with chaoskit revert {run}"
        )
    if left := [f"{one.fault} on {one.point}" for one in found if one.outstanding]:
        return f"still in force: {', '.join(left)}; put it back with chaoskit revert {run}"
    by = dict.fromkeys(str(one.reverted_by) for one in found)
    return f"what was in force was put back by {', '.join(by)}" if by else "nothing was injected"
