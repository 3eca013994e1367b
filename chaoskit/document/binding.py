"""A tree to a model: pydantic does the typing, this puts each of its errors at its place.

Messages are reworded into ours. This module must never raise for bad input; it adds problems.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from chaoskit.document.fields import keys_at
from chaoskit.document.nearest import meant
from chaoskit.document.tree import Items, Problems, Table, Text, Tree, noun, raw
from chaoskit.model.experiment import Place

M = TypeVar("M", bound=BaseModel)
Location = tuple[int | str, ...]
_KEY = "[key]"
_WORDS = {
    "int_parsing": "expected a whole number, got {got}",
    "int_from_float": "expected a whole number, got {got}",
    "int_type": "expected a whole number, got {got}",
    "float_parsing": "expected a number, got {got}",
    "float_type": "expected a number, got {got}",
    "finite_number": "expected a finite number, got {got}",
    "string_type": "expected text, got {got}",
    "tuple_type": "expected a list, got {got}",
    "dict_type": "expected a mapping, got {got}",
    "model_type": "expected a mapping, got {got}",
    "model_attributes_type": "expected a mapping, got {got}",
    "greater_than_equal": "expected at least {ge}, got {got}",
    "greater_than": "expected more than {gt}, got {got}",
    "less_than_equal": "expected at most {le}, got {got}",
    "less_than": "expected less than {lt}, got {got}",
    "too_short": "expected at least {min_length} item, got {got}",
    "string_pattern_mismatch": "expected a name of letters, digits, '.', '_' and '-', got {got}",
    "string_too_long": "expected at most {max_length} characters, got {got}",
}


def bind(
    model: type[M],
    tree: Table,
    problems: Problems,
    *,
    called: str,
    also: Sequence[str] = (),
    typed: Mapping[str, Any] = {},
) -> M | None:
    """`tree` as a `model`, or None after adding its problems.

    `called` is what messages call the whole; `also` are keys that may stand beside the model's
    own (for "did you mean"); `typed` are values that need no more reading and win over the tree.
    """
    plain = raw(tree)
    assert isinstance(plain, dict)
    try:
        return model.model_validate({**plain, **typed})
    except ValidationError as error:
        _Locator(model, tree, problems, called, also).report(error.errors(include_url=False))
        return None


def node_at(tree: Tree, location: Location) -> tuple[Tree, Place]:
    """The deepest node on the way to `location`, and its place (a key's, if it names a key)."""
    node, place = tree, tree.place
    for step in location:
        if step == _KEY:
            continue
        child: Tree | None = None
        if isinstance(node, Table):
            child = node.get(str(step))
            key = node.key(str(step))
            place = key.place if key and location[-1] == _KEY else place
        elif isinstance(node, Items) and isinstance(step, int):
            child = node.values[step] if step < len(node.values) else None
        if child is None:
            break
        node = child
        place = place if location[-1] == _KEY else node.place
    return node, place


class _Locator:
    def __init__(
        self,
        model: type[BaseModel],
        tree: Table,
        problems: Problems,
        called: str,
        also: Sequence[str],
    ) -> None:
        self._called, self._also = called, tuple(also)
        self._model, self._tree, self._problems = model, tree, problems
        self._mistyped: set[tuple[Location, str]] = set()

    def report(self, errors: Sequence[ErrorDetails]) -> None:
        for error in errors:
            if error["type"] == "extra_forbidden":
                self._unknown(error["loc"])
        for error in errors:
            if error["type"] == "missing":
                self._missing(error["loc"])
            elif error["type"] != "extra_forbidden":
                self._wrong(error)

    def _unknown(self, location: Location) -> None:
        *above, key = location
        parent, _ = node_at(self._tree, tuple(above))
        assert isinstance(parent, Table)
        name = parent.key(str(key))
        known, _ = keys_at(self._model, above)
        known = (*known, *(() if above else self._also))
        guess, suggestion = meant(str(key), [k for k in known if k not in parent.names()])
        if not guess:
            suggestion = meant(str(key), known)[1]
        if guess:
            self._mistyped.add((tuple(above), guess))
        place = name.place if name else parent.place
        self._problems.add(place, f"unknown key '{key}'", suggestion)

    def _missing(self, location: Location) -> None:
        *above, key = location
        if (tuple(above), str(key)) in self._mistyped:
            return
        _, place = node_at(self._tree, tuple(above))
        _, required = keys_at(self._model, above)
        named = [step for step in above if isinstance(step, str)]
        hint = f"{repr(named[-1]) if named else self._called} needs {', '.join(required)}"
        self._problems.add(place, f"'{key}' is missing", hint)

    def _wrong(self, error: ErrorDetails) -> None:
        node, place = node_at(self._tree, error["loc"])
        if isinstance(node, Text) and node.refused:
            return
        if error["type"] == "too_short" and isinstance(node, Items) and node.values:
            # Its items are wrong, and each says so itself.
            return
        message, suggestion = self._worded(error, node)
        self._problems.add(place, message, suggestion)

    def _worded(self, error: ErrorDetails, node: Tree) -> tuple[str, str]:
        kind, context = error["type"], error.get("ctx", {})
        if kind in ("literal_error", "enum"):
            names = re.findall(r"'([^']*)'", str(context["expected"]))
            got = str(error["loc"][-2]) if error["loc"][-1] == _KEY else raw(node)
            suggestion = meant(got, names)[1] if isinstance(got, str) else ""
            said = f"'{got}'" if isinstance(got, str) else noun(node)
            return f"expected one of {', '.join(names)}, got {said}", suggestion
        if kind == "value_error":
            return _own_words(str(context["error"]), node)
        if kind == "tuple_type" and isinstance(node, Text):
            return f"expected a list, got {noun(node)}", f"write [{node.value}]"
        got = "an empty list" if kind == "too_short" else noun(node)
        words = _WORDS.get(kind)
        return (words.format(got=got, **context) if words else error["msg"]), ""


def _own_words(message: str, node: Tree) -> tuple[str, str]:
    """Split a sentence of our own validators into message and suggestion."""
    if not isinstance(node, Text):
        return _misread(message, node)
    if near := re.search(r", (did you mean .*\?|use one of .*)$", message):
        return message[: near.start()], near[1]
    example = re.search(r"such as (.*), got '\s*([+-]?[0-9.]+)\s*'$", message)
    if example:
        return message, "did you mean " + re.sub(r"[0-9.]+", example[2], example[1]) + "?"
    return message, ""


def _misread(message: str, node: Tree) -> tuple[str, str]:
    """A mapping or list where text was meant: often YAML has read an unquoted line as one."""
    expected = re.sub(r", got .*| \(quote .*", "", message, flags=re.DOTALL)
    if not expected.startswith("expected"):
        return message, ""
    hint = ""
    if isinstance(node, Table) and len(node.entries) == 1:
        key, value = node.entries[0]
        if isinstance(value, Text) and re.search("[<>=]", f"{key.value}{value.value}"):
            hint = f"quote it: '{key.value}: {value.value}'"
    elif "success >=" in expected:
        hint = "quote names that have brackets, braces or a colon"
    return f"{expected}, got {noun(node)}", hint
