"""Whom expectations are about: requests that the load script sends, and probes of the system.

A script is read, never run. Only where its text leaves no doubt which names its requests have may
this module call a name unknown: a script can make up names that nobody can foresee.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaoskit.document.nearest import meant
from chaoskit.document.tree import Items, Problems, Table
from chaoskit.model.experiment import Experiment
from chaoskit.model.system import System

LISTS = ("steady_state", "expect", "abort_when")
VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
# Ways to name a request that do not stand in its call.
_ELSEWHERE = ("fire", "request_name", "rename_request", "request_meta", "rest", "rest_")
_SETTINGS = ("auth", "base_url", "cookies", "headers", "proxies", "verify")
_KNOWN_MODULES = {*sys.stdlib_module_names, "locust", "gevent"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def check_series(
    tree: Table, experiment: Experiment, system: System, script: Path, problems: Problems
) -> None:
    """Add each expectation about something that is neither a request nor a probe, or is both."""
    names = request_names(script)
    probes = {*system.probes, *(n for r in system.runtimes.values() for n in r.probes)}
    for part in LISTS:
        listed = tree.get(part)
        for index, claim in enumerate(getattr(experiment, part)):
            if not isinstance(listed, Items) or names is None or claim.series == "all":
                continue
            place, name = listed.values[index].place, claim.series
            if name in probes and name in names.sure:
                said = f"'{name}' is a request of {script.name} and a probe"
                problems.add(place, said, "rename one of them")
            elif name not in probes and name not in names.possible:
                known = {*names.sure, *probes}
                hint = meant(name, known, "requests and probes")[1]
                problems.add(place, f"there is no request and no probe '{name}'", hint)


@dataclass(frozen=True)
class Names:
    """`sure` are those that requests bear; `possible` are all texts that they could be."""

    sure: frozenset[str]
    possible: frozenset[str]


def request_names(script: Path) -> Names | None:
    """The names of a script's requests; None where reading it does not tell all of them."""
    try:
        source = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    nodes = list(ast.walk(source))
    named = [text for call in nodes if _sends(call) for text in _name_of(call, nodes)]
    if not named or None in named or any(map(_is_beyond_reading, nodes)) or _passes_on(nodes):
        return None
    functions = [node.name for node in nodes if isinstance(node, Function)]
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return Names(frozenset(filter(None, named)), frozenset([*texts, *functions]))


def _is_beyond_reading(node: ast.AST) -> bool:
    """Whether names may come from another file, or are given in another way than in a call."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").split(".")[0] not in _KNOWN_MODULES
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] not in _KNOWN_MODULES for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in _ELSEWHERE


def _passes_on(nodes: list[ast.AST]) -> bool:
    """Whether a client is handed to something else, which may send by it."""
    used = [n for n in nodes if isinstance(n, ast.Attribute) and _is_client(n.value)]
    plainly = all(n.attr in (*VERBS, *_SETTINGS) for n in used)
    return not plainly or len(used) < sum(map(_is_client, nodes))


def _is_client(node: ast.AST) -> bool:
    return getattr(node, "attr", None) == "client" or getattr(node, "id", None) == "client"


def _sends(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in VERBS
        and _is_client(node.func.value)
    )


def _name_of(call: ast.AST, nodes: list[ast.AST]) -> Iterator[str | None]:
    """The name that a call gives its request, else its path; None for what cannot be told."""
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    given = next((k.value for k in call.keywords if k.arg == "name"), None)
    place = 1 if call.func.attr == "request" else 0
    path = call.args[place] if len(call.args) > place else None
    found = path if given is None else given
    if isinstance(found, ast.Name):
        yield from _values_of(found.id, nodes)
    else:
        yield _text(found)


def _values_of(name: str, nodes: list[ast.AST]) -> Iterator[str | None]:
    """All that the variable `name` can be: as a parameter, what its function is called with."""
    takers = [n for n in nodes if isinstance(n, Function) and name in _parameters(n)]
    if not takers or any(_stores(n, name) for n in nodes):
        yield None
    for taker in takers:
        calls = [n for n in nodes if isinstance(n, ast.Call) and _called(n) == taker.name]
        for call in calls:
            place = _parameters(taker).index(name)
            given = [k.value for k in call.keywords if k.arg == name]
            if not given and len(call.args) > place:
                given = [call.args[place]]
            # A default, or `**more`: it does not stand here.
            yield _text(given[0]) if given else None


def _parameters(function: Function) -> list[str]:
    named = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return named[1:] if named[:1] == ["self"] else named


def _stores(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)


def _called(call: ast.Call) -> str:
    named = call.func
    return str(getattr(named, "attr", None) or getattr(named, "id", ""))


def _text(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
