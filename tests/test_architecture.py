"""The house (docs/architecture.md), kept by reading the source: rows, sizes, names, imports."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chaoskit"
SOURCES = sorted(PACKAGE.rglob("*.py"))
EACH = pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))

FORBIDDEN = {"manager", "handler", "helper", "util", "utils", "data", "info", "common", "base"}
HEAVY = {"docker", "locust", "numpy", "matplotlib", "jinja2", "gevent", "toxiproxy", "requests"}
BROAD = {"Exception", "BaseException"}
MAY_CATCH_ALL = {
    "chaoskit.run.engine": "it unwinds",
    "chaoskit.run.calls": "it hands what a thread raised on to the engine",
    "chaoskit.pytest_plugin.held": "it hands what its thread raised on to the test",
    "chaoskit.cli": "the last door: a bug of ours is said as such",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def rows() -> dict[str, tuple[int, int]]:
    """Each room's row, and the line of the table that it stands in."""
    found: dict[str, tuple[int, int]] = {}
    lines = (ROOT / "docs/architecture.md").read_text().splitlines()
    for number, line in enumerate(lines):
        if match := re.match(r"\|\s*(\d+)\s*\|([^|]*)\|", line):
            for room in re.findall(r"`([^`]+)`", match[2]):
                name = room.removesuffix("/").removesuffix(".py")
                found.setdefault(name, (int(match[1]), number))
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module of the house that `path` imports, also inside functions, with the line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names if ours(node.module or "") else ():
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in MODULES else str(node.module)), node.lineno


def ours(name: str) -> bool:
    return name.split(".")[0] == "chaoskit"


def room_of(module: str) -> str:
    room = ".".join(module.split(".")[1:2])
    return "cli" if room == "__main__" else room


def functions_of(path: Path) -> Iterator[tuple[str, Function]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def body_lines(function: Function) -> int:
    """Lines of the body without its docstring."""
    body = function.body
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_every_room_stands_in_the_table() -> None:
    assert len(rows()) >= 10
    assert {room_of(name) for name in MODULES} - {""} <= set(rows())


@EACH
def test_a_module_imports_only_from_rows_above_or_its_own_room(path: Path) -> None:
    name = module_name(path)
    mine = room_of(name)
    for other, line in imported(path):
        theirs = room_of(other)
        if not mine or not theirs or mine == theirs:
            continue
        (row, place), (their_row, their_place) = rows()[mine], rows()[theirs]
        # Two files that share a line of the table are one room: document and schema.
        neighbours = place == their_place and mine == "schema"
        assert their_row < row or neighbours, (
            f"{path}:{line}: {mine} (row {row}) imports {theirs} (row {their_row})"
        )


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {
        name: {other for other, _ in imported(path) if other in MODULES and other != name}
        for name, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"cycle: {' -> '.join((*trail[trail.index(name) :], name))}"
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


@EACH
def test_a_module_opens_with_what_it_is_for(path: Path) -> None:
    text = ast.get_docstring(tree(path))
    assert text, f"{path} has no opening paragraph"
    assert text.splitlines()[0].rstrip().endswith((".", ":", "?")), text.splitlines()[0]


@EACH
def test_a_file_has_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def test_functions_are_short() -> None:
    found = [pair for path in SOURCES for pair in functions_of(path)]
    sizes = {name: body_lines(function) for name, function in found}
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert statistics.median(sizes.values()) <= 8


def hollow_names(path: Path) -> Iterator[str]:
    """Modules and classes may not contain a hollow word; the rest may not be one."""
    module = path.parent.name if path.stem == "__init__" else path.stem
    if words(module) & FORBIDDEN:
        yield module
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef) and words(node.name) & FORBIDDEN - {"data"}:
            yield f"{node.lineno}: {node.name}"
        if isinstance(node, Function) and node.name.strip("_") in FORBIDDEN:
            yield f"{node.lineno}: {node.name}"
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in FORBIDDEN:
            yield f"{node.lineno}: {node.id}"
    for name, function in functions_of(path):
        # Pydantic calls its hooks with a handler of its own.
        for arg in ast.walk(function.args) if "__get_pydantic" not in name else ():
            if isinstance(arg, ast.arg) and arg.arg in FORBIDDEN:
                yield f"{arg.lineno}: {arg.arg}"


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@EACH
def test_names_say_something(path: Path) -> None:
    assert list(hollow_names(path)) == []


@EACH
def test_nothing_catches_everything_but_the_engine(path: Path) -> None:
    broad = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and catches_all(node)
    ]
    assert broad == [] or module_name(path) in MAY_CATCH_ALL


def catches_all(node: ast.ExceptHandler) -> bool:
    if node.type is None:
        return True
    return any(isinstance(n, ast.Name) and n.id in BROAD for n in ast.walk(node.type))


def test_the_shop_and_chaoskit_do_not_know_each_other() -> None:
    for path in sorted((ROOT / "shop").rglob("*.py")):
        assert list(imported(path)) == [], path
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in ("shop", "services"), path


@pytest.mark.parametrize(
    "module",
    ["chaoskit", "chaoskit.document", "chaoskit.schema", "chaoskit.faults", "chaoskit.world",
     "chaoskit.ports", "chaoskit.cli", "chaoskit.cli.validate", "chaoskit.cli.schema",
     "chaoskit.cli.faults", "chaoskit.probe", "chaoskit.world.fake"],
)  # fmt: skip
def test_what_validate_needs_is_light(module: str) -> None:
    assert module in MODULES
    ask = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert found.stdout.split() == []
