"""`baseline.json` to a Baseline: every problem at once, each with its place.

A good file is read as JSON; only a bad one is read again with places, as YAML, which JSON is a
part of. This module must never take a file that another version wrote for one of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from chaoskit.document.binding import bind, node_at
from chaoskit.document.files import read, shown
from chaoskit.document.tree import Problems, Table, Text, noun
from chaoskit.document.yamltext import parse
from chaoskit.model.baseline import FORMAT, Baseline
from chaoskit.model.experiment import Place

HINT = "`chaoskit baseline RUN -o baseline.json` writes one"


def load_baseline(path: Path, problems: Problems) -> Baseline | None:
    """The baseline in `path`; None after adding its problems."""
    text = read(path, problems)
    if text is None:
        return None
    try:
        found = Baseline.model_validate_json(text)
    except ValidationError:
        _explain(text, shown(path), problems)
        return None
    return None if _twice(found, text, shown(path), problems) else found


def _explain(text: str, file: str, problems: Problems) -> None:
    """Say all that is wrong, with places."""
    tree = None
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        said = error.msg[0].lower() + error.msg[1:]
        hint = HINT if not text.strip() else "was it cut off, or merged by hand?"
        problems.add(Place(file, error.lineno, error.colno), f"not JSON: {said}", hint)
        return
    tree = parse(text, file, problems)
    if not isinstance(tree, Table):
        if tree is not None:
            problems.add(tree.place, f"expected a baseline, got {noun(tree)}", HINT)
        return
    version = tree.get("format")
    if version is None:
        hint = "name the run's directory" if "hypothesis" in tree.names() else HINT
        problems.add(tree.place, "this is no baseline: it has no 'format'", hint)
    elif not isinstance(version, Text) or version.value != FORMAT:
        said = f"expected '{FORMAT}', got {noun(version)}"
        problems.add(version.place, said, f"write it anew: {HINT}")
    else:
        bind(Baseline, tree, problems, called="a baseline")


def _twice(found: Baseline, text: str, file: str, problems: Problems) -> bool:
    """A run that counts twice would make everything look surer than it is."""
    names = [run.run for run in found.runs]
    again = [i for i, name in enumerate(names) if name in names[:i]]
    tree = parse(text, file, Problems()) if again else None
    for i in again:
        place = node_at(tree, ("runs", i, "run"))[1] if tree else Place(file)
        problems.add(place, f"run '{names[i]}' stands here twice", "keep one")
    return bool(again)
