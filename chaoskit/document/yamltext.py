"""YAML text to a tree with places: a deliberately small YAML.

Every scalar keeps its text. Anchors, aliases, tags, merge keys, duplicate keys and keys without
a value are refused. It works on PyYAML's events and must never call its constructors: those turn
`on` into true and `012` into ten, and a chain of aliases into gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from chaoskit.document.tree import Items, Problems, Table, Text, Tree, noun
from chaoskit.model.experiment import Place

DEEPEST = 30
_CLAIM = re.compile(r"(success|degraded|shed|failed|rate|max|outage|p\d+(\.\d+)?)\b.*[<>=]")
# PyYAML counts all of these as ends of lines.
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_LIST_ITEM = re.compile(r"\s*-\s+(.*\S)")


def parse(text: str, file: str, problems: Problems) -> Tree | None:
    """The one document in `text`; None when it is empty or too broken to go on.

    Everything wrong is added to `problems`.
    """
    seen = Problems()
    try:
        return _Builder(text, file, seen).document()
    except yaml.MarkedYAMLError as error:
        broken = _syntax(error, text, file, problems)
        # What was said of that line before rests on a misreading.
        seen.found = [problem for problem in seen.found if problem.line != broken]
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.add(place, f"character #x{error.character:04x} is not allowed in YAML")
    finally:
        for problem in seen.found:
            problems.append(problem)
    return None


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str, problems: Problems) -> int:
    """Add the one problem that ended the reading; returns its line."""
    place = _place(file, error.problem_mark or error.context_mark)
    line = [*_BREAK.split(text), ""][place.line - 1]
    said = error.problem or "it cannot be read"
    if _CLAIM.search(line):
        problems.add(place, f"bad YAML: {said}", _quote_it(line))
    elif "\\t" in said:
        problems.add(place, "bad YAML: a tab cannot indent", "use spaces")
    elif said.startswith("mapping values") and line.count(": ") + line.rstrip().endswith(":") > 1:
        problems.add(place, "bad YAML: a second ': ' on this line", "quote text that contains ': '")
    elif said.startswith("mapping values"):
        hint = "is the line above complete, and the indent right?"
        problems.add(place, "bad YAML: a key does not fit here", hint)
    elif said.startswith("could not find expected ':'"):
        start = _place(file, error.context_mark or error.problem_mark)
        problems.add(start, "bad YAML: a key without ':'", "write key: value")
    else:
        problems.add(place, f"bad YAML: {said}")
    return place.line


def _place(file: str, mark: Any) -> Place:
    """Where a mark of PyYAML stands; its stubs allow None, its parser always sets one."""
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)


def _quote_it(line: str) -> str:
    item = _LIST_ITEM.fullmatch(line)
    if not item or item[1].startswith("'"):
        return "quote names that have brackets, braces or a colon"
    return f"quote it: - '{item[1]}'"


class _Builder:
    """Turns events into one tree; a new one for each text."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._file = file
        self._problems = problems

    def document(self) -> Tree | None:
        tree = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and tree is not None:
                self._add(event, "a second document", "one file holds one document: split it")
                return None
            if isinstance(event, yaml.NodeEvent):
                tree = self._tree(event, 0)
        return tree

    def _tree(self, event: yaml.Event, depth: int) -> Tree:
        self._refuse_extras(event)
        if depth > DEEPEST:
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(None, None, "nested too deeply", mark)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(event, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(event, depth)
        if isinstance(event, yaml.ScalarEvent):
            return Text(event.value, self._place(event), event.style is None and not event.value)
        return Text("", self._place(event), refused=True)

    def _items(self, event: yaml.Event, depth: int) -> Items:
        values = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            value = self._tree(item, depth + 1)
            self._need_value(item, value, value.place, "a list item")
            values.append(value)
        return Items(tuple(values), self._place(event))

    def _table(self, start: yaml.Event, depth: int) -> Table:
        entries: dict[str, tuple[Text, Tree]] = {}
        while not isinstance(item := next(self._events), yaml.MappingEndEvent):
            key = self._tree(item, depth + 1)
            event = next(self._events)
            value = self._tree(event, depth + 1)
            self._need_value(event, value, key.place, noun(key))
            if not isinstance(key, Text):
                self._problems.add(key.place, "a key must be text", "quote it")
            elif key.value == "<<":
                self._problems.add(key.place, "merge keys (<<) are not read", "write the keys out")
            elif first := entries.get(key.value):
                where = f"the first one is in line {first[0].place.line}; keep one"
                self._problems.add(key.place, f"duplicate key '{key.value}'", where)
            else:
                entries[key.value] = (key, value)
        return Table(tuple(entries.values()), self._place(start))

    def _need_value(self, event: yaml.Event, value: Tree, place: Place, what: str) -> None:
        if isinstance(event, yaml.ScalarEvent) and isinstance(value, Text) and value.refused:
            hint = "remove it, or write '' if empty text is meant"
            self._problems.add(place, f"{what} has no value", hint)

    def _refuse_extras(self, event: yaml.Event) -> None:
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            self._add(event, f"aliases (*{anchor}) are not read", "write the value out")
        elif anchor:
            self._add(event, f"anchors (&{anchor}) are not read", "write the value twice")
        if tag := getattr(event, "tag", None):
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self._add(event, f"tags ({shown}) are not read", "the declared type decides: remove it")

    def _add(self, event: yaml.Event, message: str, suggestion: str) -> None:
        self._problems.add(self._place(event), message, suggestion)

    def _place(self, event: yaml.Event) -> Place:
        return _place(self._file, event.start_mark)
