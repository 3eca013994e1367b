"""One experiment file to a Bound: typed, its faults bound, its system and load script found.

Problems are collected and never raised here; the door raises them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chaoskit.document.binding import bind, node_at
from chaoskit.document.environment import Hiding, Secrets, interpolate
from chaoskit.document.faultlist import BoundFault, bind_faults
from chaoskit.document.files import find_system, read_table, shown
from chaoskit.document.nearest import meant
from chaoskit.document.points import check_maximum, check_point, check_surge, check_timing
from chaoskit.document.series import check_series
from chaoskit.document.settings import apply
from chaoskit.document.systems import Systems
from chaoskit.document.tree import Problems, Table, Text
from chaoskit.errors import DocumentError
from chaoskit.model.experiment import Experiment
from chaoskit.model.system import System
from chaoskit.units import Duration, Quantity

Named = TypeVar("Named")
_POSITIVE = (
    ("load", "rate"), ("load", "timeout"), ("phases", "baseline"), ("phases", "fault"),
    ("phases", "recovery", "within"), ("max_duration",),
)  # fmt: skip


@dataclass(frozen=True)
class Bound(Hiding):
    """An experiment with everything that it names. All paths are absolute and exist.

    `secrets` are values that came from the environment: mask them wherever text is shown.
    """

    experiment: Experiment
    system: System
    path: Path
    system_path: Path
    locustfile: Path
    secrets: tuple[str, ...] = ()


@dataclass
class Loader:
    """Loads experiments one by one, sharing systems and collecting problems."""

    settings: Mapping[str, str]
    systems: Systems

    @property
    def problems(self) -> Problems:
        return self.systems.problems

    @property
    def secrets(self) -> Secrets:
        return self.systems.secrets

    def load(self, path: Path, system_path: Path | None = None) -> Bound | None:
        """The experiment in `path`, or None where something essential is missing or wrong."""
        tree = self._tree(path)
        if tree is None:
            return None
        found = system_path or self._system_path(path, tree)
        system = self.systems.load(found) if found else None
        faults = bind_faults(tree.get("faults"), self.problems)
        experiment = self._experiment(tree, faults)
        self._check_faults(tree, faults, system, experiment)
        self._check_ledger(tree, system, experiment)
        script = self._locustfile(tree, path, found)
        if experiment and system and script:
            check_series(tree, experiment, system, script, self.problems)
        if not (experiment and system and found and script):
            return None
        return Bound(
            experiment, system, path.resolve(), found.resolve(), script, self.secrets.values
        )

    def _tree(self, path: Path) -> Table | None:
        table = read_table(path, "experiment", self.problems)
        if table is None:
            return None
        if "experiment" not in table.names() and {"tiers", "entry"} <= set(table.names()):
            hint = "name the experiment's file, or the folder"
            self.problems.add(table.place, "this is a system, not an experiment", hint)
            return None
        tree = apply(table, self.settings, shown(path), self.problems)
        known = interpolate(tree, self.secrets, self.problems)
        assert isinstance(known, Table)
        return known

    def _system_path(self, path: Path, tree: Table) -> Path | None:
        name = tree.get("system")
        folder = path.resolve().parent
        if not isinstance(name, Text):
            return find_system(folder, None, tree.place, self.problems) if name is None else None
        if name.refused:
            return None
        if "/" not in name.value and not name.value.endswith(".yaml"):
            return find_system(folder, name, tree.place, self.problems)
        if (folder / name.value).is_file():
            return folder / name.value
        self.problems.add(name.place, f"there is no file '{name.value}' beside the experiment")
        return None

    def _experiment(self, tree: Table, faults: list[BoundFault]) -> Experiment | None:
        uses = {"faults": tuple(fault.use for fault in faults)} if tree.get("faults") else {}
        experiment = bind(Experiment, tree, self.problems, called="an experiment", typed=uses)
        for location in _POSITIVE if experiment else ():
            value = experiment
            for step in location:
                value = getattr(value, step)
            if isinstance(value, Quantity) and not value:
                place = node_at(tree, location)[1]
                self.problems.add(place, f"'{location[-1]}' must be more than {value}")
        if experiment and (surge := experiment.load.surge):
            load, _ = node_at(tree, ("load",))
            check_surge(load, surge, experiment.phases.fault, self.problems)
        return experiment

    def _check_faults(
        self,
        tree: Table,
        faults: list[BoundFault],
        system: System | None,
        experiment: Experiment | None,
    ) -> None:
        phase = _fault_phase(tree)
        for fault in faults:
            if experiment:
                check_maximum(fault, experiment, self.problems)
            if phase:
                check_timing(fault, phase, self.problems)
            if system:
                check_point(fault, system, self.problems)

    def _check_ledger(
        self, tree: Table, system: System | None, experiment: Experiment | None
    ) -> None:
        asked = experiment.data_safety if experiment else None
        if system is None or asked is None or asked.ledger in system.ledgers:
            return
        place = node_at(tree, ("data_safety", "ledger"))[1]
        said = f"'{system.system}' declares no ledger '{asked.ledger}'"
        hint = meant(asked.ledger, system.ledgers, "there are")[1]
        self.problems.add(place, said, hint or "see 'ledgers' in docs/system.md")

    def _locustfile(self, tree: Table, path: Path, system_path: Path | None) -> Path | None:
        load = tree.get("load")
        name = load.get("locustfile") if isinstance(load, Table) else None
        if not isinstance(name, Text) or name.refused:
            return None
        folders = [path.resolve().parent, *([system_path.resolve().parent] if system_path else [])]
        for folder in folders:
            if (folder / name.value).is_file():
                return (folder / name.value).resolve()
        if system_path is None:
            # Half of the places to look in are unknown, and that is a problem already.
            return None
        said = f"there is no '{name.value}' beside the experiment or beside system.yaml"
        scripts = [script.name for folder in folders for script in folder.glob("*.py")]
        self.problems.add(name.place, said, meant(name.value, scripts, "scripts there")[1])
        return None


def _fault_phase(tree: Table) -> Duration | None:
    """The fault phase's length, also where the rest of the experiment cannot be typed."""
    node, _ = node_at(tree, ("phases", "fault"))
    try:
        return Duration.parse(node.value) if isinstance(node, Text) else None
    except ValueError:
        return None


def load_alone(path: Path, name: str, read: Callable[[Path, Table, Loader], Named | None]) -> Named:
    """What `read` makes of the file `path`, or of the folder's `<name>.yaml`.

    Raises DocumentError with every problem of it and of all that it names.
    """
    path = path / f"{name}.yaml" if path.is_dir() else path
    loader = Loader({}, Systems())
    found = read_named(path, name, loader, read)
    if found is None or loader.problems:
        raise DocumentError([loader.secrets.mask(p) for p in loader.problems.found])
    return found


def read_named(
    path: Path, name: str, loader: Loader, read: Callable[[Path, Table, Loader], Named | None]
) -> Named | None:
    """What `read` makes of a file that is to begin with `name`; None where it is no mapping."""
    table = read_table(path, name, loader.problems)
    if table is None:
        return None
    tree = interpolate(table, loader.secrets, loader.problems)
    assert isinstance(tree, Table)
    return read(path, tree, loader)
