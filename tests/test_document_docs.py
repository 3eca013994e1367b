"""Every YAML block in the README and the docs is a document that chaoskit takes.

A block without `experiment:` or `system:` is laid over a minimal experiment; what stands for
less than that is marked ```yaml fragment and skipped.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from chaoskit.document import load_experiment, load_system
from chaoskit.faults import all_faults
from chaoskit.model.experiment import BlastRadius, Experiment, LoadSpec
from chaoskit.model.probes import PROBE_KINDS
from chaoskit.model.system import HaltHook, Redundancy, RuntimeSpec, System, Tier
from chaoskit.schema import experiment_schema, system_schema

ROOT = Path(__file__).parent.parent
REAL, SAMPLE = ROOT / "experiments" / "shop", ROOT / "tests" / "documents" / "shop"
SHOP = REAL if (REAL / "system.yaml").is_file() else SAMPLE
MINIMAL = """\
experiment: minimal
hypothesis: It holds
load: {locustfile: load.py, rate: 60/s}
steady_state: [success >= 99%]
phases: {baseline: 60s, fault: 60s, recovery: {within: 20s}}
"""
# tests/schedule/test_document.py and tests/gameday/test_document.py read these pages.
OWN_TESTS = ("gameday.md", "schedule.md")
FENCE = re.compile(r"^```(ya?ml)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    where: str
    text: str

    @property
    def first_key(self) -> str:
        return next(iter(yaml.safe_load(self.text)))

    def whole(self) -> str:
        """The block as it is, or laid over a minimal experiment."""
        keys = yaml.safe_load(self.text).keys()
        if {"experiment", "system"} & keys:
            return self.text
        rest = {k: v for k, v in yaml.safe_load(MINIMAL).items() if k not in keys}
        return self.text + yaml.safe_dump(rest)


def blocks() -> list[Block]:
    """All fenced YAML blocks that are not marked as fragments."""
    found = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        if path.name in OWN_TESTS:
            continue
        text = path.read_text() if path.is_file() else ""
        for match in FENCE.finditer(text):
            line = text[: match.start()].count("\n") + 1
            if "fragment" not in match[2].split():
                found.append(Block(f"{path.relative_to(ROOT)}:{line}", match[3]))
    return found


BLOCKS = blocks()


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_a_block_is_a_document(block, tmp_path):
    shutil.copy(SHOP / "system.yaml", tmp_path)
    (tmp_path / "load.py").touch()
    path = tmp_path / "block.yaml"
    path.write_text(block.whole())
    read = yaml.safe_load(path.read_text())
    if block.first_key == "system":
        assert load_system(path).system == read["system"]
        schema = system_schema()
    else:
        assert load_experiment(path).experiment.experiment == read["experiment"]
        schema = experiment_schema()
    assert [e.message for e in Draft202012Validator(schema).iter_errors(read)] == []


def test_the_references_have_blocks():
    assert {b.where.split(":")[0] for b in BLOCKS} >= {"docs/experiment.md", "docs/system.md"}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("experiment", [*Experiment.model_fields, *LoadSpec.model_fields]),
        ("experiment", BlastRadius.model_fields),
        ("system", [*System.model_fields, *Tier.model_fields, *RuntimeSpec.model_fields]),
        ("system", [*Redundancy.model_fields, *HaltHook.model_fields]),
        ("system", [*PROBE_KINDS, "timeout", "holders", "every"]),
    ],
)
def test_every_key_is_in_the_reference(page, names):
    text = (ROOT / "docs" / f"{page}.md").read_text()
    rows = "\n".join(re.findall(r"^\| (.*?) \|", text, re.MULTILINE))
    assert set(names) <= set(re.findall(r"`(\w+)`", rows))


def test_fragments_name_faults_that_exist():
    text = (ROOT / "docs" / "experiment.md").read_text()
    named = set(re.findall(r"^  - (\w+): \{", text, re.MULTILINE))
    assert named <= {kind.name for kind in all_faults()}
