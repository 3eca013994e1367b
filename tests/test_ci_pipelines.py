"""The ready pipelines: each is what its service reads, and every command in it exists."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from chaoskit.cli import COMMANDS

ROOT = Path(__file__).parents[1]
# The schemas that the services publish, as check-jsonschema carries them.
SCHEMAS = {
    "github-actions.yml": "vendor.github-workflows",
    "gitlab-ci.yml": "vendor.gitlab-ci",
}
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
    text = path.read_text()
    (place,) = re.findall(r"^ *EXPERIMENTS: (\S+) # yours", text, re.M)
    called = list(commands(yaml.safe_load(text.replace("$EXPERIMENTS", place))))
    assert {"validate", "system", "run", "revert"} <= {words[1] for words in called}
    for _, name, *rest in called:
        assert name in COMMANDS
        command: click.Command = importlib.import_module(f"chaoskit.cli.{name}").command
        command.make_context(name, rest, resilient_parsing=False)
        assert all((ROOT / word).exists() for word in rest if "/" in word)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda p: p.name)
def test_what_is_yours_stands_in_it_once_and_what_is_optional_is_one_of_ours(path: Path) -> None:
    text = path.read_text()
    (place,) = re.findall(r"^ *EXPERIMENTS: (\S+) # yours", text, re.M)
    assert text.count(place) == 1
    assert text.count("# yours") == 2
    (optional,) = re.findall(r"# - (?:run: )?(chaoskit .*)", text)
    _, name, *rest = shlex.split(optional)
    command: click.Command = importlib.import_module(f"chaoskit.cli.{name}").command
    command.make_context(name, rest, resilient_parsing=False)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda p: p.name)
def test_it_says_how_the_runs_of_one_build_are_kept_apart(path: Path) -> None:
    (line,) = re.findall(r"`(chaoskit run --reports [^`]+)`", path.read_text())
    _, name, *rest = shlex.split(line)
    command: click.Command = importlib.import_module(f"chaoskit.cli.{name}").command
    context = command.make_context(name, [*rest, str(ROOT / "experiments")])
    assert re.fullmatch(r"reports/\$[A-Z_]+_ID", str(context.params["reports"]))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda p: p.name)
def test_its_service_takes_it(path: Path, tmp_path: Path) -> None:
    def errors(text: str) -> str:
        (tmp_path / path.name).write_text(text)
        words = ["--builtin-schema", SCHEMAS[path.name], str(tmp_path / path.name)]
        checked = subprocess.run(
            [sys.executable, "-m", "check_jsonschema", *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return "" if checked.returncode == 0 else checked.stdout + checked.stderr

    text = path.read_text()
    assert errors(text) == ""
    # So that it is known to look: `resource_group` and `runs-on` are no lists of mappings.
    broken = text.replace("resource_group: resilience", "resource_group: [{}]")
    assert "Schema validation errors" in errors(broken.replace("runs-on: ", "runs-of: "))
