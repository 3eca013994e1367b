"""One fault held by hand: journalled, watched and put back like any run, without load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chaoskit.errors import InvalidInput
from chaoskit.faults import FaultKind
from chaoskit.model.expectation import Expectation
from chaoskit.model.experiment import (
    MAX_DURATION,
    Experiment,
    FaultUse,
    LoadSpec,
    Phases,
    Recovery,
    Selection,
)
from chaoskit.model.timeline import LoadFacts
from chaoskit.ports import UnderWay
from chaoskit.run.engine import Engine
from chaoskit.units import Duration, Rate


def use_by_hand(
    kind: FaultKind, selection: Mapping[str, Any], arguments: Mapping[str, str], mark: str = ""
) -> FaultUse:
    """The use of a fault from what a person gave; raises InvalidInput with every problem.

    `mark` stands before each argument's name where a person types one (`--`).
    """
    try:
        kind.spec(**arguments)
        return FaultUse(name=kind.name, selection=Selection(**selection), arguments=dict(arguments))
    except ValidationError as error:
        known = ", ".join(f"{mark}{name}" for name in kind.spec.model_fields) or "none"
        problems = (
            f"{kind.name}: {mark}{'.'.join(map(str, problem['loc']))}: "
            f"{problem['msg'].removeprefix('Value error, ')} (its options: {known})"
            for problem in error.errors()
        )
        raise InvalidInput("\n".join(problems)) from error


def experiment_by_hand(
    uses: tuple[FaultUse, ...], lasts: Duration, max_duration: Duration = MAX_DURATION
) -> Experiment:
    """An experiment that claims nothing: it exists so that faults held by hand have a plan."""
    what = ", ".join(f"{use.name} on {use.selection}" for use in uses)
    return Experiment(
        experiment="by-hand",
        hypothesis=f"{what}, held by hand for {lasts}",
        load=LoadSpec(locustfile="none", rate=Rate(1)),
        steady_state=(Expectation.parse("all success >= 0%"),),
        phases=Phases(baseline=Duration(0), fault=lasts, recovery=Recovery(within=Duration(0))),
        faults=uses,
        max_duration=max_duration,
    )


class NoLoad:
    """ports.Load that sends nothing."""

    def prepare(self, folder: Path) -> tuple[int, ...]:
        return ()

    def start(self, folder: Path, begin: float) -> None:
        """Nothing is sent."""

    def surge(self, at: float) -> None:
        """Nothing is sent."""

    def calm(self, at: float) -> None:
        """Nothing is sent."""

    def check(self) -> None:
        """Nothing can fail."""

    def read(self) -> tuple[bytes, tuple[str, ...]]:
        return b"", ()

    def under_way(self) -> UnderWay:
        return UnderWay()

    def facts(self) -> LoadFacts:
        return LoadFacts()

    def stop(self, grace: float = 5.0) -> None:
        """Nothing runs."""


class Holding(Engine):
    """Opens the plan's fault, waits until its time is up or a stop is asked for, puts it back."""

    def _course(self) -> None:
        self._take_fingerprint()
        self._fault_phase()
