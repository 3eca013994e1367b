"""`system.yaml` to a System, with the checks that need the whole of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from chaoskit.document.binding import bind
from chaoskit.document.environment import Hiding, Secrets, interpolate
from chaoskit.document.files import read_table
from chaoskit.document.systemchecks import check_system
from chaoskit.document.tree import Items, Problems, Table
from chaoskit.errors import DocumentError
from chaoskit.model.system import System


@dataclass(frozen=True)
class BoundSystem(Hiding):
    """A system alone. `secrets` came from the environment: mask them wherever text is shown."""

    system: System
    secrets: tuple[str, ...] = ()


def load_system(path: Path) -> System:
    """The system in `path`. Raises DocumentError with all its problems."""
    return bind_system(path).system


def bind_system(path: Path) -> BoundSystem:
    """The same, with what must not be shown of it."""
    systems = Systems()
    system = systems.load(path)
    systems.problems.found = [systems.secrets.mask(p) for p in systems.problems.found]
    if system is None or systems.problems:
        raise DocumentError(systems.problems.found)
    return BoundSystem(system, systems.secrets.values)


@dataclass
class Systems:
    """Each system file is read once, however many experiments name it."""

    problems: Problems = field(default_factory=Problems)
    secrets: Secrets = field(default_factory=Secrets)
    _known: dict[Path, System | None] = field(default_factory=dict)

    def load(self, path: Path) -> System | None:
        """The system as far as it can be typed; None where it cannot. Adds problems."""
        key = path.resolve()
        if key not in self._known:
            self._known[key] = self._read(path)
        return self._known[key]

    def _read(self, path: Path) -> System | None:
        table = read_table(path, "system", self.problems)
        if table is None:
            return None
        tree = interpolate(table, self.secrets, self.problems)
        assert isinstance(tree, Table)
        tree = _listed_rules(tree)
        system = bind(System, tree, self.problems, called="a system")
        if system is not None:
            check_system(system, tree, self.problems)
        return system


def _listed_rules(tree: Table) -> Table:
    """One rule under `outcomes: {degraded: …}` may stand without a list around it."""
    outcomes, key = tree.get("outcomes"), tree.key("outcomes")
    if not isinstance(outcomes, Table) or key is None:
        return tree
    for name, rule in outcomes.entries:
        if isinstance(rule, Table):
            outcomes = outcomes.having(name, Items((rule,), rule.place))
    return tree.having(key, outcomes)
