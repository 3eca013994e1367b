"""`--set key=value`: values from the command line, put into an experiment's tree.

Keys are dotted (`load.rate`, `faults.0.delay`). Types are checked later, with all the others;
this module must never know a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chaoskit.document.tree import Items, Problems, Table, Text, Tree
from chaoskit.document.yamltext import parse
from chaoskit.model.experiment import Place


def apply(tree: Table, settings: Mapping[str, str], file: str, problems: Problems) -> Table:
    """The tree of `file` with each setting in its place; a path that leads nowhere is a problem."""
    for path, text in settings.items():
        place = Place(f"--set {path}")
        changed = _put(tree, path.split("."), _read(text, place, problems), place, ())
        if isinstance(changed, Table):
            tree = changed
        elif isinstance(changed, str):
            problems.add(place, f"{file}: {changed}")
    return tree


def _read(text: str, place: Place, problems: Problems) -> Tree:
    """Lists and mappings in YAML's flow style, everything else as text."""
    bracketed = text[:1] + text[-1:] in ("[]", "{}")
    tree = parse(text, place.file, problems) if bracketed else None
    return tree or Text(text, place, refused=bracketed)


def _put(
    tree: Tree, keys: Sequence[str], value: Tree, place: Place, above: Sequence[str]
) -> Tree | str:
    """The tree with `value` at `keys`, or a sentence that says where the path ends."""
    if not keys:
        return value
    where = f"'{'.'.join(above)}'" if above else "the document"
    match tree:
        case Text():
            return f"{where} is text and has no '{keys[0]}'"
        case Items():
            return _put_in_list(tree, keys, value, place, (*above, keys[0]), where)
        case Table():
            return _put_in_table(tree, keys, value, place, above)


def _put_in_list(
    tree: Items, keys: Sequence[str], value: Tree, place: Place, above: Sequence[str], where: str
) -> Tree | str:
    known = len(tree.values)
    if not keys[0].isdecimal() or int(keys[0]) >= known:
        return f"{where} has no item {keys[0]}; there are {known}, counted from 0"
    index = int(keys[0])
    changed = _put(tree.values[index], keys[1:], value, place, above)
    if isinstance(changed, str):
        return changed
    return replace(tree, values=(*tree.values[:index], changed, *tree.values[index + 1 :]))


def _put_in_table(
    tree: Table, keys: Sequence[str], value: Tree, place: Place, above: Sequence[str]
) -> Tree | str:
    if len(above) == 2 and above[0] == "faults" and keys[0] not in tree.names():
        # `faults.0.delay`: a fault is one key, so its name need not be repeated.
        keys = (*tree.names()[:1], *keys)
    key = tree.key(keys[0]) or Text(keys[0], place)
    below = tree.get(keys[0]) or Table((), place)
    changed = _put(below, keys[1:], value, place, (*above, keys[0]))
    return changed if isinstance(changed, str) else tree.having(key, changed)
