"""The README is true: its commands exist, its links lead somewhere, its output was really seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaoskit.cli import COMMANDS
from chaoskit.faults import all_faults

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "shop" / "README.md"]


def test_every_make_command_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"`?make ([a-z-]+)", README))
    assert named
    assert named <= targets


def test_every_command_exists_and_every_one_is_named() -> None:
    named = set(re.findall(r"`chaoskit ([a-z]+)", README))
    assert named == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_experiment_shown_is_the_one_that_is_run() -> None:
    experiment = (ROOT / "experiments" / "shop" / "cache-failure.yaml").read_text()
    assert f"```yaml\n{experiment}```" in README


def test_the_output_shown_is_that_of_the_sample() -> None:
    sample = (ROOT / "reports" / "sample" / "report.md").read_text()
    shown = re.search(r"```text\n(.*?)```", README, re.S)
    assert shown is not None
    figures = re.findall(r"^ ✓ held +\w+ +(\S.*?\S) {2,}(\S.*?) {2,}", shown[1], re.M)
    assert figures
    for expectation, observed in figures:
        assert expectation in sample
        assert observed in sample


def test_every_fault_of_the_catalogue_is_documented() -> None:
    text = (ROOT / "docs" / "experiment.md").read_text()
    for kind in all_faults():
        assert f"`{kind.name}" in text
