"""The JSON Schema: valid itself, true of every good sample, and not true of everything."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from chaoskit.faults import all_faults
from chaoskit.schema import experiment_schema, system_schema

DOCUMENTS = Path(__file__).parent / "documents"
EXPERIMENT = Draft202012Validator(experiment_schema())
SYSTEM = Draft202012Validator(system_schema())


def as_an_editor_reads(path: Path):
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("schema", [experiment_schema(), system_schema()])
def test_the_schema_is_one(schema):
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("path", sorted((DOCUMENTS / "good").glob("*.yaml")), ids=lambda p: p.stem)
def test_good_experiments_satisfy_it(path):
    assert [e.message for e in EXPERIMENT.iter_errors(as_an_editor_reads(path))] == []


def test_a_good_system_satisfies_it():
    system = as_an_editor_reads(DOCUMENTS / "shop" / "system.yaml")
    assert [e.message for e in SYSTEM.iter_errors(system)] == []


SEEN = "unknown-key wrong-unit missing-phase two-mistakes unknown-fault wrong-kind-of-point"


@pytest.mark.parametrize("name", SEEN.split())
def test_an_editor_sees_the_mistake(name):
    assert not EXPERIMENT.is_valid(as_an_editor_reads(DOCUMENTS / "malformed" / f"{name}.yaml"))


def test_an_editor_sees_the_mistakes_of_a_system():
    assert not SYSTEM.is_valid(as_an_editor_reads(DOCUMENTS / "systems" / "wrong.yaml"))


def test_every_fault_is_offered_with_its_summary():
    offered = experiment_schema()["properties"]["faults"]["items"]["oneOf"]
    described = {next(iter(item["properties"])): item["description"] for item in offered}
    assert described == {kind.name: kind.summary for kind in all_faults()}
