"""What other tools read: verdict.json against its schema, junit.xml by a foreign reader."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from junitparser import Error, Failure, JUnitXml

from chaoskit.model.verdict import Status, Verdict
from chaoskit.schema import verdict_schema

PUBLISHED = Path(__file__).parents[2] / "docs/schemas/verdict.schema.json"


def test_the_published_schema_is_the_generated_one() -> None:
    again = "chaoskit schema verdict > docs/schemas/verdict.schema.json"
    assert json.loads(PUBLISHED.read_text()) == verdict_schema(), again
    Draft202012Validator.check_schema(verdict_schema())


def test_every_verdict_satisfies_the_published_schema(run: Path) -> None:
    told = json.loads((run / "verdict.json").read_text())
    Draft202012Validator(json.loads(PUBLISHED.read_text())).validate(told)


def test_the_schema_refuses_what_is_no_verdict() -> None:
    schema = Draft202012Validator(verdict_schema())
    assert not schema.is_valid({"status": "passed"})


def test_a_foreign_reader_finds_every_expectation_with_its_outcome(run: Path) -> None:
    told = Verdict.model_validate_json((run / "verdict.json").read_bytes())
    read = JUnitXml.fromfile(str(run / "junit.xml"))
    (suite,) = read
    cases = list(suite)
    kinds = {Status.HELD: None, Status.VIOLATED: Failure, Status.INCONCLUSIVE: Error}
    for gate, case in zip(told.gates, cases, strict=False):
        assert gate.expectation in case.name
        assert [type(r) for r in case.result] == (
            [kinds[gate.status]] if kinds[gate.status] else []
        )
        if gate.status is Status.INCONCLUSIVE:
            assert case.result[0].type == "inconclusive"
    assert suite.tests == len(cases) >= len(told.gates)
    assert suite.failures == sum(isinstance(r, Failure) for c in cases for r in c.result)
    assert suite.errors == sum(isinstance(r, Error) for c in cases for r in c.result)
    assert (suite.failures + suite.errors == 0) == (told.exit_code == 0)
    properties = {p.name: p.value for p in suite.properties()}
    assert properties["seed"] == str(told.seed)
    assert properties["chaoskit"] == told.chaoskit
