"""The pages as a reader and a machine meet them: whole, safe, and the same every time."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from chaoskit.model.verdict import CopyFigures, DataSafety, Offender, Status
from chaoskit.report import words, write_report
from chaoskit.report.pages import draw
from chaoskit.report.source import read_run
from tests.report import builder
from tests.report.page import Page, told

WRITTEN = ("report.html", "report.md", "junit.xml", "goodput.svg", "latency.svg", "failures.svg")
SVG = "http://www.w3.org/2000/svg"
NAMESPACES = {SVG, "http://www.w3.org/1999/xlink"}
HOSTILE = '<script>alert("$x_1$")</script>|`]]>\x07日本'


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose document texts are an attack on the page."""
    directory = tmp_path_factory.mktemp("hostile")
    taken = builder.samples(broken=True, until=40)
    verdict = builder.verdict(
        taken, experiment=HOSTILE, hypothesis=HOSTILE, run=HOSTILE, system=HOSTILE,
        runtime=HOSTILE, reasons=(HOSTILE,), restored=False, differences=(HOSTILE,),
        gates=(builder.gates()[0].model_copy(update={"expectation": HOSTILE, "series": HOSTILE}),),
        injections=(builder.injection(point=HOSTILE, fault=HOSTILE, reverted_by=HOSTILE),),
        data_safety=DataSafety(
            ledger=HOSTILE, status=Status.VIOLATED, reason=HOSTILE,
            copies=(CopyFigures(name=HOSTILE, why=HOSTILE),), offences={"lost": 1},
            offenders=(Offender(id=HOSTILE, offence="lost", copies=(HOSTILE,)),),
        ),
    )  # fmt: skip
    builder.write(directory, verdict, taken)
    (directory / "series.json").write_text(json.dumps([HOSTILE, "b", "c"]), encoding="utf-8")
    write_report(directory)
    return directory


def test_page_is_whole_and_loads_nothing(run: Path) -> None:
    page = Page(run / "report.html")
    raw = (run / "report.html").read_text(encoding="utf-8")
    assert not {"script", "link", "img", "iframe", "object", "image", "foreignobject"} & {
        *page.tags
    }
    assert not [name for name in page.attributes if name.startswith("on") or name == "src"]
    assert set(re.findall(r"https?://[^\s\"'<>)]+", raw)) <= NAMESPACES
    assert "@import" not in raw
    assert re.findall(r"url\((?!#)", raw) == []
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in raw
    assert len(page.ids) == len(set(page.ids))


def test_page_tells_verdict_with_word_and_sign(run: Path) -> None:
    verdict, page = told(run), Page(run / "report.html")
    sign = {"held": "✓", "violated": "✗", "inconclusive": "?"}[verdict.status]
    assert f"{sign}{verdict.status.upper()}" in page.text
    assert verdict.hypothesis in page.text
    for reason in verdict.reasons:
        assert reason in page.text
    assert ("NOT RESTORED" in page.text) is not verdict.restored
    assert ("phases were shortened" in page.words) is verdict.quick


def test_page_and_markdown_have_every_expectation_with_its_figures(run: Path) -> None:
    page = Page(run / "report.html").text
    markdown = (run / "report.md").read_text(encoding="utf-8")
    for gate in told(run).gates:
        assert gate.expectation in page
        assert f"`{gate.expectation}`" in markdown
        assert gate.shown in page
        if gate.status is not Status.HELD:
            assert gate.reason in page
            assert gate.reason in markdown


def test_page_and_markdown_tell_what_the_load_warns_of(run: Path) -> None:
    page = Page(run / "report.html").text
    markdown = (run / "report.md").read_text(encoding="utf-8").replace("\\", "")
    for warning in told(run).load.warnings:
        assert warning in page
        assert f"\nLoad: {warning}\n" in markdown


def test_same_run_gives_same_bytes_in_another_place_and_process(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    twin = builder.violated(tmp_path / "elsewhere")
    code = "import sys, pathlib, chaoskit.report as r; r.write_report(pathlib.Path(sys.argv[1]))"
    random = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", code, str(twin)], check=True, env=random)
    for name in WRITTEN:
        assert (runs["violated"] / name).read_bytes() == (twin / name).read_bytes(), name


@pytest.mark.parametrize("ending", sorted(builder.ALL.keys() - {"stillborn"}))
def test_plots_are_files_that_stand_alone(ending: str, runs: dict[str, Path]) -> None:
    run = runs[ending]
    for name in ("goodput", "latency", "failures"):
        raw = (run / f"{name}.svg").read_text(encoding="utf-8")
        root = ET.fromstring(raw)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert set(re.findall(r"https?://[^\s\"'<>)]+", raw)) <= NAMESPACES
        assert "prefers-color-scheme: dark" in raw
        assert "fault" in "".join(root.itertext())
        marked = {"impact", "alarm", "recovered"} & {*root.itertext()}
        assert len(marked) == (3 if ending != "not-restored" else 0)


@pytest.mark.parametrize("narrow", [False, True])
def test_labels_of_marks_that_lie_close_together_do_not_touch(
    narrow: bool, runs: dict[str, Path]
) -> None:
    """Fault, impact, alarm and recovery begin within three seconds of a hundred."""
    (plot,) = draw(read_run(runs["held"]), names=("goodput",))
    labels = [
        (text.text or "", float(text.get("x", "")), float(text.get("y", "")))
        for text in ET.fromstring(plot.narrow if narrow else plot.wide).iter(f"{{{SVG}}}text")
        if text.text in ("fault", "impact", "alarm", "recovered")
    ]
    assert len(labels) == 4
    for (word, x, y), (_, other, row) in itertools.permutations(labels, 2):
        assert y != row or other < x or other - x > 6 * len(word)


def test_junit_agrees_with_the_verdict(run: Path) -> None:
    verdict = told(run)
    root = ET.parse(run / "junit.xml").getroot()
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    by_name = {case.get("name"): case for case in cases}
    assert int(suite.get("tests", "")) == len(cases)
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors", "")) == len(suite.findall("testcase/error"))
    for gate in verdict.gates:
        case = by_name[f"{gate.phase}: {gate.expectation}"]
        tag = {"violated": "failure", "inconclusive": "error"}.get(gate.status)
        assert [child.tag for child in case] == ([tag] if tag else [])
        assert all(f"observed {gate.shown}" in child.get("message", "") for child in case)
    bad = len(suite.findall("testcase/failure")) + len(suite.findall("testcase/error"))
    assert (bad == 0) is (verdict.exit_code == 0)
    assert ("everything was put back" in by_name) is not verdict.restored
    properties = {p.get("name"): p.get("value") for p in suite.findall("properties/property")}
    assert properties["seed"] == str(verdict.seed)
    assert properties["runtime"] == verdict.runtime


@pytest.mark.parametrize("name", ["report.md", "junit.xml"])
@pytest.mark.parametrize("ending", ["held", "violated", "not-restored", "lost", "unsafe"])
def test_short_pages_read_as_agreed(ending: str, name: str, runs: dict[str, Path]) -> None:
    golden = Path(__file__).parent / "golden" / f"{ending}.{name}"
    assert (runs[ending] / name).read_text("utf-8") == golden.read_text("utf-8")


def test_names_from_documents_are_never_markup(hostile: Path) -> None:
    page = Page(hostile / "report.html")
    assert "script" not in page.tags
    assert '<script>alert("$x_1$")</script>' in page.text
    for name in ("goodput.svg", "latency.svg", "failures.svg", "junit.xml"):
        raw = (hostile / name).read_text(encoding="utf-8")
        ET.fromstring(raw)
        assert "<script" not in raw
    markdown = (hostile / "report.md").read_text(encoding="utf-8")
    outside = re.sub(r"(`+).*?\1|^    .*$", "", markdown.replace("\\`", ""), flags=re.MULTILINE)
    assert not re.search(r"(?<!\\)<script", outside)


def test_table_rows_of_markdown_keep_their_columns(hostile: Path) -> None:
    columns = None
    for line in (hostile / "report.md").read_text(encoding="utf-8").splitlines():
        count = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert columns is None or count in (None, columns)
        columns = count


def test_what_is_still_in_force_is_said_so(runs: dict[str, Path]) -> None:
    page = Page(runs["not-restored"] / "report.html")
    assert "stuck: engine unreachable" in page.text
    assert "still open" in page.text
    assert "chaoskit revert 20250301T101500-3f2a" in page.text
    assert "cache-1: state is killed, was running" in page.text


def test_success_and_p95_stand_with_their_intervals(runs: dict[str, Path]) -> None:
    verdict, page = told(runs["held"]), Page(runs["held"] / "report.html").text
    markdown = (runs["held"] / "report.md").read_text("utf-8")
    rows = {r.phase: r for r in verdict.figures if r.series == "all"}
    before, during = rows["baseline"], rows["fault"]
    share = (during.ok + during.degraded) / during.planned
    assert during.success_low < share < during.success_high
    assert before.p95_low < before.p95 < before.p95_high
    assert during.p95_high is None  # most of those that failed did so within three seconds
    for row in (before, during):
        for shown in (words.success_interval(row), words.p95_interval(row)):
            assert "–" in shown
            assert shown in page
            assert f"({shown}) |" in markdown
    assert "95 % interval" in page
    assert "95 % interval" in markdown


def test_a_verdict_of_before_there_were_intervals_still_has_its_page(tmp_path: Path) -> None:
    run = builder.held(tmp_path)
    old = json.loads((run / "verdict.json").read_text())
    for row in old["figures"]:
        for key in ("success_low", "success_high", "p95_low", "p95_high"):
            del row[key]
    (run / "verdict.json").write_text(json.dumps(old))
    page = Page(write_report(run)).text
    assert "99.31 %" in page
    assert "95 % interval" not in page
    assert "95 % interval" not in (run / "report.md").read_text("utf-8")


def test_evidence_is_told_in_words(runs: dict[str, Path]) -> None:
    page = Page(runs["held"] / "report.html").text
    assert "carried: 18 of 19 looks" in page
    assert "felt: not measured" in page
    assert "connections 2–5" in page


def test_offending_writes_stand_beside_the_fault(runs: dict[str, Path]) -> None:
    page = Page(runs["unsafe"] / "report.html")
    assert "31 writes lost" in page.text
    assert "order-3" in page.text
    assert "30.2 s, 0.13 s after the first injection began" in page.text
    assert "a|b `<i>`" in page.text
    assert "Data safety" not in Page(runs["held"] / "report.html").text


def test_implied_gate_that_did_not_hold_is_not_folded(tmp_path: Path) -> None:
    gates = [g for g in builder.gates() if g.implied]
    bad = gates[0].model_copy(update={"status": Status.VIOLATED, "reason": "3 were degraded."})
    taken = builder.samples(broken=False, until=31)
    builder.write(tmp_path, builder.verdict(taken, gates=(bad, *gates[1:])), taken)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    before, _, after = page.partition("<details>")
    assert "3 were degraded." in before
    assert "3 were degraded." not in after
    assert f"{len(gates) - 1} implied gates held" in after


def test_stopped_run_is_an_error_in_ci_even_without_a_bad_gate(runs: dict[str, Path]) -> None:
    (case,) = ET.parse(runs["stillborn"] / "junit.xml").getroot().iter("testcase")
    assert [(child.tag, child.get("type")) for child in case] == [("error", "interrupted")]
