"""A game day's file to a BoundGameDay with all that it names, every problem at once.

It reads files and the list of time zones; it must never ask what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoskit.document.binding import bind, node_at
from chaoskit.document.environment import Hiding
from chaoskit.document.faultlist import BoundFault, bind_faults
from chaoskit.document.files import find_system
from chaoskit.document.loading import Bound, Loader, load_alone, read_named
from chaoskit.document.nearest import meant
from chaoskit.document.outward import check_url, check_zone
from chaoskit.document.points import check_point
from chaoskit.document.systemchecks import check_halting
from chaoskit.document.tree import Items, Problems, Table, Text, raw
from chaoskit.model.experiment import FaultUse, Selection
from chaoskit.model.gameday import GameDay, Step
from chaoskit.model.system import System

Location = tuple[str | int, ...]
# Stands for a fault that is a problem already, so that nothing more is said of it.
_REFUSED = FaultUse(name="refused", selection=Selection(node="refused"))


@dataclass(frozen=True)
class BoundGameDay(Hiding):
    """A game day with its system and the experiments of its steps, by step number from 1.

    All paths are absolute and exist. `secrets` are values that came from the environment: mask
    them wherever text is shown.
    """

    gameday: GameDay
    path: Path
    system: System
    system_path: Path
    experiments: dict[int, Bound]
    carry: Path | None = None
    secrets: tuple[str, ...] = ()


def load_gameday(path: Path) -> BoundGameDay:
    """The game day in `path`, or in the folder's gameday.yaml.

    Raises DocumentError with every problem of it, of its system and of its experiments.
    """
    return load_alone(path, "gameday", _read)


def read_gameday(path: Path, loader: Loader) -> BoundGameDay | None:
    """The same for a file that another names: all problems are added to the loader's."""
    return read_named(path, "gameday", loader, _read)


def _read(path: Path, tree: Table, loader: Loader) -> BoundGameDay | None:
    return _GameDays(path, tree, loader).bound()


class _GameDays:
    """Reads one file; `bound` is None where something essential is missing or wrong."""

    def __init__(self, path: Path, tree: Table, loader: Loader) -> None:
        self._path, self._tree, self._loader = path, tree, loader
        self._folder = path.resolve().parent
        self._problems: Problems = loader.problems
        self._faults: dict[int, BoundFault] = {}

    def bound(self) -> BoundGameDay | None:
        where = self._system_path()
        system = self._loader.systems.load(where) if where else None
        typed = {"agenda": agenda} if (agenda := self._agenda()) is not None else {}
        gameday = bind(GameDay, self._tree, self._problems, called="a game day", typed=typed)
        if system is not None:
            for fault in self._faults.values():
                check_point(fault, system, self._problems)
        if gameday is None:
            return None
        self._check(gameday)
        experiments = self._experiments(gameday, where)
        carry = self._beside(("carry",), gameday.carry)
        if system is None or where is None:
            return None
        self._check_against(gameday, system)
        return BoundGameDay(
            gameday, self._path.resolve(), system, where.resolve(), experiments, carry,
            self._loader.secrets.values,
        )  # fmt: skip

    def _add(self, where: Location, message: str, suggestion: str = "") -> None:
        self._problems.add(node_at(self._tree, where)[1], message, suggestion)

    def _system_path(self) -> Path | None:
        name = self._tree.get("system")
        if name is None:
            return find_system(self._folder, None, self._tree.place, self._problems)
        if not isinstance(name, Text) or name.refused:
            return None
        if "/" in name.value or name.value.endswith(".yaml"):
            return self._beside(("system",), name.value)
        return find_system(self._folder, name, self._tree.place, self._problems)

    def _agenda(self) -> list[Any] | None:
        """The agenda as pydantic takes it, with each fault bound."""
        items = self._tree.get("agenda")
        if not isinstance(items, Items):
            return None
        found: list[Any] = []
        for number, item in enumerate(items.values, 1):
            plain = raw(item)
            if isinstance(item, Table) and isinstance(plain, dict) and "inject" in plain:
                found.append({**plain, "inject": self._inject(number, item)})
            else:
                found.append(plain)
        return found

    def _inject(self, number: int, item: Table) -> FaultUse:
        tree = item.get("inject")
        assert tree is not None
        for fault in bind_faults(Items((tree,), tree.place), self._problems):
            self._faults[number] = fault
            for key in ("after", "for"):
                if fault.body.key(key):
                    said = f"'{key}' has no meaning here: the fault is held until it is released"
                    self._problems.add(fault.place_of(key), said, "write most: 10m beside 'inject'")
            return fault.use
        return _REFUSED

    def _check(self, gameday: GameDay) -> None:
        check_zone(gameday.timezone, self._tree, self._problems)
        if gameday.alerts is not None:
            check_url(gameday.alerts, ("alerts",), self._tree, self._problems)
        for number, step in enumerate(gameday.agenda):
            for key, value in (("most", step.most), ("break", step.pause)):
                if value is not None and not value:
                    self._add(("agenda", number, key), f"'{key}' must be more than {value}")

    def _check_against(self, gameday: GameDay, system: System) -> None:
        check_halting(
            system.model_copy(update={"halt_when": gameday.halt_when}), self._tree, self._problems
        )
        for number, step in enumerate(gameday.agenda):
            self._check_restart(step, number, system)

    def _check_restart(self, step: Step, number: int, system: System) -> None:
        node = step.recover.restart if step.recover else None
        if node is None:
            return
        where = ("agenda", number, "recover", "restart")
        if node not in system.nodes():
            hint = meant(node, system.nodes(), "there are")[1]
            self._add(where, f"'{system.system}' has no node '{node}'", hint)
        elif {node, system.tier_of(node)} & set(system.protected):
            self._add(where, f"node '{node}' is protected", "see 'protected' in system.yaml")

    def _experiments(self, gameday: GameDay, where: Path | None) -> dict[int, Bound]:
        found: dict[int, Bound] = {}
        for number, step in enumerate(gameday.agenda):
            place = ("agenda", number, "experiment")
            path = self._beside(place, step.experiment)
            bound = self._loader.load(path) if path else None
            if bound is None:
                continue
            found[number + 1] = bound
            if where is not None and bound.system_path != where.resolve():
                said = f"'{bound.experiment.experiment}' is about another system than the game day"
                self._add(place, f"{said}: {bound.system.system}", "one game day, one system")
        return found

    def _beside(self, where: Location, name: str | None) -> Path | None:
        """The file beside the game day's; None, with the problem added, where there is none."""
        if name is None:
            return None
        path = self._folder / name
        if path.is_file():
            return path.resolve()
        near, hint = meant(path.name, [p.name for p in path.parent.glob("*") if p.is_file()])
        self._add(where, f"there is no file '{name}' beside the game day", hint if near else "")
        return None
