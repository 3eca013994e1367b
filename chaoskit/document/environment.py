"""`${env:NAME}` and `${env:NAME:-default}` in values.

What came from the environment without a default is a secret, to be masked wherever text leaves
the process. This module must never print or log a value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from chaoskit.document.tree import Problems, Text, Tree, mapped
from chaoskit.errors import ChaoskitError, Problem

_REFERENCE = re.compile(r"\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_OPENING = re.compile(r"\$\{env:")
# What is shorter keeps no secret, and its stars would stand in names and in commands to type.
LEAST = 4


class Hiding:
    """What was read from documents, with the `secrets` that must not leave with its texts."""

    secrets: tuple[str, ...]

    def hidden(self, text: str) -> str:
        """`text` with three stars where a secret of at least four characters stood."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            if len(secret) >= LEAST:
                text = text.replace(secret, "***")
        return text

    @contextmanager
    def hiding(self) -> Iterator[None]:
        """Errors of chaoskit leave the block without the secrets."""
        try:
            yield
        except ChaoskitError as error:
            error.args = tuple(self.hidden(str(said)) for said in error.args)
            raise


@dataclass
class Secrets:
    """Values from the environment, each with the reference that stands for it."""

    references: dict[str, str] = field(default_factory=dict)

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(sorted(self.references))

    def mask(self, problem: Problem) -> Problem:
        """The problem with the reference where a secret stood."""
        return replace(
            problem, message=self._hide(problem.message), suggestion=self._hide(problem.suggestion)
        )

    def _hide(self, text: str) -> str:
        for value in sorted(self.references, key=len, reverse=True):
            text = text.replace(value, self.references[value])
        return text


def interpolate(
    tree: Tree, secrets: Secrets, problems: Problems, environ: Mapping[str, str] = os.environ
) -> Tree:
    """The tree with every reference replaced; an unset variable is a problem at its place."""

    def value_of(match: re.Match[str], text: Text) -> str:
        value, default = environ.get(match["name"], ""), match["default"]
        if default is not None:
            return value or default
        if match["name"] not in environ:
            hint = f"export it, or give a default: ${{env:{match['name']}:-…}}"
            problems.add(text.place, f"environment variable '{match['name']}' is not set", hint)
        elif value:
            secrets.references[value] = match[0]
        return value

    def change(text: Text) -> Text:
        found = list(_REFERENCE.finditer(text.value))
        if len(found) < len(_OPENING.findall(text.value)):
            hint = "write ${env:NAME} or ${env:NAME:-default}"
            problems.add(text.place, f"'{text.value}' is not a reference", hint)
            return replace(text, refused=True)
        unset = any(m["default"] is None and m["name"] not in environ for m in found)
        value = _REFERENCE.sub(lambda match: value_of(match, text), text.value)
        return replace(text, value=value, refused=text.refused or unset)

    return mapped(tree, change)
