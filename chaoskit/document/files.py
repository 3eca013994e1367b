"""Reading document files and finding them: text, folders of experiments, the system above.

This module must never guess: a file that cannot be read is a problem, not an empty document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from chaoskit.document.nearest import meant
from chaoskit.document.tree import Problems, Table, Text, Tree, noun
from chaoskit.document.yamltext import parse
from chaoskit.model.experiment import Place

SYSTEM_FILE = "system.yaml"
# A file in a folder is an experiment if it has one of these; so a misspelt one is not lost.
SIGNS = ("experiment", "hypothesis", "steady_state")
GAMEDAY_SIGNS = ("gameday", "agenda", "go_no_go")


def shown(path: Path) -> str:
    """The path as messages show it: relative where it lies below the current folder."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def read(path: Path, problems: Problems) -> str | None:
    """The text of a file; None when it cannot be read, with the problem added."""
    file = shown(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.add(Place(file), f"cannot be read: {error.strerror or error}")
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.add(place, f"byte 0x{content[error.start]:02x} is not UTF-8", "save it as UTF-8")
        return None


def read_table(path: Path, what: str, problems: Problems) -> Table | None:
    """The mapping that a file holds; None when there is none, with the problem added."""
    text = read(path, problems)
    return None if text is None else as_table(text, shown(path), what, problems)


def as_table(text: str, file: str, what: str, problems: Problems) -> Table | None:
    before = len(problems.found)
    hint = f"{'an' if what == 'experiment' else 'a'} {what} begins with '{what}: <name>'"
    tree = parse(text, file, problems)
    if isinstance(tree, Table):
        return tree
    if tree is None and len(problems.found) == before:
        problems.add(Place(file), "the file is empty", hint)
    elif tree is not None and not (isinstance(tree, Text) and tree.refused):
        problems.add(tree.place, f"expected a mapping, got {noun(tree)}", hint)
    return None


def experiment_files(paths: Iterable[Path], problems: Problems) -> list[Path]:
    """Every experiment named by files and folders, each once, in order."""
    found: dict[Path, Path] = {}
    for path in paths:
        members = list(_in_folder(path)) if path.is_dir() else [path]
        if not members:
            hint = "an experiment is a *.yaml file that begins with 'experiment: <name>'"
            problems.add(Place(shown(path)), "no experiment in this folder", hint)
        if not path.exists():
            problems.add(Place(shown(path)), "there is no such file or folder", _near(path))
            continue
        for member in members:
            found.setdefault(member.resolve(), member)
    return list(found.values())


def _near(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{folder} does not exist"
    known = [p.name for p in folder.iterdir() if p.suffix == ".yaml" or p.is_dir()]
    guess, hint = meant(path.name, known)
    return hint if guess else ""


def _in_folder(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.yaml")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.name != SYSTEM_FILE and not hidden and path.is_file() and is_experiment(path):
            yield path


def is_experiment(path: Path) -> bool:
    """One that is unreadable too: let it be loaded, so that the problem is told."""
    text = read(path, Problems())
    return text is None or _has(text, SIGNS)


def has_sign(path: Path, signs: tuple[str, ...]) -> bool:
    """Whether a file that can be read has one of the keys."""
    text = read(path, Problems())
    return text is not None and _has(text, signs)


def _has(text: str, signs: tuple[str, ...]) -> bool:
    """Whether one of the keys stands at the top, also of a text that is no YAML as yet."""
    tree: Tree | None = parse(text, "", Problems())
    if isinstance(tree, Table):
        return any(sign in tree.names() for sign in signs)
    return bool(re.search(rf"^({'|'.join(signs)})\s*:", text, re.MULTILINE))


def find_system(
    folder: Path, name: Text | None, fallback: Place, problems: Problems
) -> Path | None:
    """The nearest system.yaml from `folder` upwards, of that name if there is one."""
    passed: dict[str, Path] = {}
    for level in (folder, *folder.parents):
        path = level / SYSTEM_FILE
        if path.is_file():
            called = _system_name(path)
            if name is None or called == name.value:
                return path
            passed[called] = path
    if name is None:
        hint = "put one there, or name it: system: path/to/system.yaml"
        problems.add(fallback, f"no {SYSTEM_FILE} beside the experiment or above it", hint)
    else:
        said = f"no {SYSTEM_FILE} beside the experiment or above it has the name '{name.value}'"
        problems.add(name.place, said, meant(name.value, passed, "there are")[1])
    return None


def _system_name(path: Path) -> str:
    """What a system file calls itself; empty when it does not say."""
    text = read(path, Problems())
    tree = parse(text, str(path), Problems()) if text is not None else None
    name = tree.get("system") if isinstance(tree, Table) else None
    return name.value if isinstance(name, Text) else ""
