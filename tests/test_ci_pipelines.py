"""The ready pipelines: each is YAML, and every chaoskit command in it exists with its options."""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from chaoskit.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PIPELINES = sorted((ROOT / "docs/ci").glob("*.yml"))


def commands(part: Any) -> Iterator[list[str]]:
    """Every line that calls chaoskit, in words."""
    if isinstance(part, str):
        lines = (shlex.split(line) for line in part.splitlines() if line.startswith("chaoskit "))
        yield from lines
    elif isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from commands(inner)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda p: p.name)
def test_every_command_in_a_pipeline_is_one_of_ours(path: Path) -> None:
    called = list(commands(yaml.safe_load(path.read_text())))
    assert {"validate", "system", "run", "revert"} <= {words[1] for words in called}
    for _, name, *rest in called:
        assert name in COMMANDS
        command: click.Command = importlib.import_module(f"chaoskit.cli.{name}").command
        command.make_context(name, rest, resilient_parsing=False)
        assert all((ROOT / word).exists() for word in rest if "/" in word)
