"""What other tools read: verdict.json and junit.xml against schemas, and by a foreign reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from junitparser import Error, Failure, JUnitXml
from lxml import etree

from chaoskit.model.verdict import Status, Verdict
from chaoskit.report.junit import junit
from chaoskit.schema import verdict_schema
from tests.report import builder

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


@pytest.fixture(scope="module")
def accepted() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(Path(__file__).with_name("junit.xsd"))))


def test_junit_is_as_the_schemas_in_wide_use_ask(run: Path, accepted: etree.XMLSchema) -> None:
    accepted.assertValid(etree.parse(str(run / "junit.xml")))


@pytest.mark.parametrize(
    ("started", "stamp"),
    [
        ("2025-03-01T10:15:00.120000+00:00", "2025-03-01T10:15:00"),
        ("2025-03-01T12:15:00+02:00", "2025-03-01T10:15:00"),
        ("2026-11-25T02:55:34.026Z", "2026-11-25T02:55:34"),
        ("", "1970-01-01T00:00:00"),
        ("some day", "1970-01-01T00:00:00"),
    ],
)
def test_a_suite_has_its_begin_to_the_second_and_its_length(
    started: str, stamp: str, accepted: etree.XMLSchema
) -> None:
    told = builder.verdict(builder.samples(broken=False), started_at=started)
    root = etree.fromstring(junit(told))
    accepted.assertValid(root)
    assert root[0].get("timestamp") == stamp
    assert root[0].get("time") == "106.400"


@pytest.mark.parametrize(
    ("path", "attribute"),
    [
        ("testsuite", "timestamp"), ("testsuite", "hostname"), ("testsuite", "time"),
        ("testsuite", "tests"), ("testsuite", "package"), ("testsuite/testcase", "classname"),
        ("testsuite/testcase/failure", "type"), ("testsuite/properties/property", "value"),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_lacks_an_attribute(
    path: str, attribute: str, runs: dict[str, Path], accepted: etree.XMLSchema
) -> None:
    tree = etree.parse(str(runs["violated"] / "junit.xml"))
    assert accepted.validate(tree)
    element = tree.find(path)
    assert element is not None
    del element.attrib[attribute]
    assert not accepted.validate(tree)


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
