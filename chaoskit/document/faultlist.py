"""The list under `faults:`: each item split into selection, timing and the fault's own arguments.

The registry says what a fault knows; this module must never name a concrete fault.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from chaoskit.document.binding import bind
from chaoskit.document.nearest import meant
from chaoskit.document.tree import Items, Problems, Table, Text, Tree, noun, raw
from chaoskit.faults import FaultKind, all_faults
from chaoskit.model.experiment import FaultUse, Place, Selection
from chaoskit.model.frozen import Frozen
from chaoskit.units import Duration

NODE_KEYS = ("node", "role", "count", "share")
LINK_KEYS = ("link",)
TIMING_KEYS = ("after", "for")
_OURS = (*NODE_KEYS, *LINK_KEYS, *TIMING_KEYS)


class Timing(Frozen):
    """When a fault begins, counted from the fault phase's begin, and how long it lasts."""

    after: Duration = Duration(0)
    lasts: Duration | None = Field(default=None, alias="for")


@dataclass(frozen=True)
class BoundFault:
    """A fault as the engine takes it, and where it stands, for later checks."""

    use: FaultUse
    name: Text
    body: Table

    def place_of(self, key: str) -> Place:
        found = self.body.get(key)
        return found.place if found else self.name.place


def bind_faults(tree: Tree | None, problems: Problems) -> list[BoundFault]:
    """All faults that are well-formed; the others have added their problems."""
    if tree is None or (isinstance(tree, Text) and tree.refused):
        return []
    if not isinstance(tree, Items):
        hint = "begin each fault with '- ' on a line of its own"
        problems.add(tree.place, f"expected a list of faults, got {noun(tree)}", hint)
        return []
    found = [_one(item, problems) for item in tree.values]
    return [fault for fault in found if fault]


def _one(item: Tree, problems: Problems) -> BoundFault | None:
    split = _name_and_body(item, problems)
    kind = split and _kind(split[0], problems)
    if not split or not kind:
        return None
    name, body = split
    mine = _keys_of(kind)
    selection = _selection(kind, name, body, problems)
    timing = bind(Timing, body.only(lambda k: k in TIMING_KEYS), problems, called=kind.name)
    spec = bind(
        kind.spec, body.only(lambda k: k not in _OURS), problems, called=kind.name, also=mine
    )
    if not selection or not timing or not spec:
        return None
    arguments = raw(body.only(lambda k: k not in _OURS))
    assert isinstance(arguments, dict)
    use = FaultUse(
        name=kind.name, selection=selection, arguments=arguments, after=timing.after,
        lasts=timing.lasts, place=name.place,
    )  # fmt: skip
    return BoundFault(use, name, body)


def _keys_of(kind: FaultKind) -> tuple[str, ...]:
    return (*(NODE_KEYS if kind.point == "node" else LINK_KEYS), *TIMING_KEYS)


def _name_and_body(item: Tree, problems: Problems) -> tuple[Text, Table] | None:
    if not isinstance(item, Table) or not item.entries:
        if not (isinstance(item, Text) and item.refused):
            hint = "a fault is written kill: {node: …} or latency: {link: a -> b, …}"
            problems.add(item.place, f"expected a fault, got {noun(item)}", hint)
        return None
    (name, body), *others = item.entries
    if others:
        stray = others[0][0]
        hint = f"put it inside: {name.value}: {{…, {stray.value}: …}}; or begin it with '- '"
        problems.add(stray.place, f"'{stray.value}' stands beside '{name.value}'", hint)
        return None
    if not isinstance(body, Table):
        if not (isinstance(body, Text) and body.refused):
            said = f"expected a mapping after '{name.value}', got {noun(body)}"
            problems.add(body.place, said, f"{name.value}: {{node: …}} or {{link: a -> b}}")
        return None
    return name, body


def _kind(name: Text, problems: Problems) -> FaultKind | None:
    known = {kind.name: kind for kind in all_faults()}
    if name.value not in known:
        suggestion = meant(name.value, known, "there are")[1]
        problems.add(name.place, f"unknown fault '{name.value}'", suggestion)
    return known.get(name.value)


def _selection(kind: FaultKind, name: Text, body: Table, problems: Problems) -> Selection | None:
    fits, wrong = (NODE_KEYS, LINK_KEYS) if kind.point == "node" else (LINK_KEYS, NODE_KEYS)
    other = "link" if kind.point == "node" else "node"
    misplaced = [key for key, _ in body.entries if key.value in wrong]
    for key in misplaced:
        said = f"'{kind.name}' is a fault of a {kind.point}, not of a {other}"
        problems.add(key.place, said, f"write {_example(kind)}; {_at(other)}")
    if misplaced:
        return None
    if not body.key(kind.point):
        problems.add(body.place, f"'{kind.point}' is missing", f"write {_example(kind)}")
        return None
    return bind(
        Selection, _placed(body.only(lambda k: k in fits), name), problems, called=kind.name
    )


def _placed(selection: Table, name: Text) -> Table:
    """What is wrong with the selection as a whole stands at the fault's name."""
    return Table(selection.entries, name.place)


def _example(kind: FaultKind) -> str:
    return "node: <node or tier>" if kind.point == "node" else "link: <a -> b>"


def _at(point: str) -> str:
    names = ", ".join(kind.name for kind in all_faults() if kind.point == point)
    return f"faults of a {point}: {names}"
