"""What a document says, before anyone knows its types: text, lists and mappings with places.

Everything below is a value; nothing here reads a file or knows a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chaoskit.errors import Problem
from chaoskit.model.experiment import Place


@dataclass(frozen=True)
class Text:
    """A scalar exactly as it was written. `refused`: already a problem, say no more about it."""

    value: str
    place: Place
    refused: bool = False


@dataclass(frozen=True)
class Items:
    """A list."""

    values: tuple[Tree, ...]
    place: Place


@dataclass(frozen=True)
class Table:
    """A mapping. Its place is that of its first key, or of its opening brace."""

    entries: tuple[tuple[Text, Tree], ...]
    place: Place

    def get(self, key: str) -> Tree | None:
        return next((value for name, value in self.entries if name.value == key), None)

    def key(self, key: str) -> Text | None:
        return next((name for name, _ in self.entries if name.value == key), None)

    def names(self) -> tuple[str, ...]:
        return tuple(name.value for name, _ in self.entries)

    def having(self, key: Text, value: Tree) -> Table:
        """The same mapping with `value` under `key`, in its old position or at the end."""
        kept = tuple((n, value if n.value == key.value else v) for n, v in self.entries)
        return replace(self, entries=kept if self.key(key.value) else (*kept, (key, value)))

    def only(self, wanted: Callable[[str], bool]) -> Table:
        return replace(self, entries=tuple(e for e in self.entries if wanted(e[0].value)))


Tree = Text | Items | Table
# JSON as pydantic takes it: all scalars are still text.
Raw = str | list["Raw"] | dict[str, "Raw"]


def raw(tree: Tree) -> Raw:
    """The tree without its places."""
    match tree:
        case Text():
            return tree.value
        case Items():
            return [raw(value) for value in tree.values]
        case Table():
            return {name.value: raw(value) for name, value in tree.entries}


def noun(tree: Tree) -> str:
    """What to call it in a message."""
    match tree:
        case Text():
            return f"'{tree.value}'"
        case Items():
            return "a list"
        case Table():
            return "a mapping"


def mapped(tree: Tree, change: Callable[[Text], Text]) -> Tree:
    """The same tree with every value (not the keys) changed."""
    match tree:
        case Text():
            return change(tree)
        case Items():
            return replace(tree, values=tuple(mapped(v, change) for v in tree.values))
        case Table():
            return replace(tree, entries=tuple((k, mapped(v, change)) for k, v in tree.entries))


@dataclass
class Problems:
    """Collects problems, so that none is ever raised alone. The same one twice counts once."""

    found: list[Problem] = field(default_factory=list)

    def add(self, place: Place, message: str, suggestion: str = "") -> None:
        self.append(Problem(place.file, place.line, place.column, message, suggestion))

    def append(self, problem: Problem) -> None:
        if problem not in self.found:
            self.found.append(problem)

    def __bool__(self) -> bool:
        return bool(self.found)
