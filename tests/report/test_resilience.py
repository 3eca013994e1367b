"""The resilience report: what many runs prove together, and that nothing hides what they do not."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from chaoskit.cli.report import command
from chaoskit.errors import InvalidInput
from chaoskit.judge.standing import wilson
from chaoskit.model.resilience import Cell, Resilience
from chaoskit.model.verdict import CoverageCell, Status
from chaoskit.schema import resilience_schema
from tests.report import builder, folders
from tests.report.page import Page
from tests.report.test_pages import HOSTILE, NAMESPACES

GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = Path(__file__).parents[2] / "docs/schemas/resilience.schema.json"
NAMES = ("resilience.html", "resilience.md", "resilience.json")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = folders.mixed(tmp_path_factory.mktemp("mixed"))
    folders.report(root)
    return root


def cell(told: Resilience, point: str = "cache", trouble: str = "unavailable") -> Cell:
    (system,) = told.systems
    (found,) = (
        c for p in system.points if p.point == point for c in p.cells if c.trouble == trouble
    )
    return found


def call(*words: object) -> Result:
    return CliRunner().invoke(command, list(map(str, words)), standalone_mode=False)


def test_the_short_pages_read_as_agreed(mixed: Path) -> None:
    assert (mixed / "resilience.md").read_text("utf-8") == (GOLDEN / "resilience.md").read_text(
        "utf-8"
    )
    told, agreed = (json.loads((p / "resilience.json").read_text()) for p in (mixed, GOLDEN))
    assert told | {"chaoskit": ""} == agreed | {"chaoskit": ""}


def test_same_runs_and_time_give_same_bytes_in_another_place_and_process(
    mixed: Path, tmp_path: Path
) -> None:
    twin = folders.mixed(tmp_path / "elsewhere")
    code = (
        "import sys, pathlib; from tests.report import folders; "
        "folders.report(pathlib.Path(sys.argv[1]))"
    )
    random = {**os.environ, "PYTHONHASHSEED": "1"}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(twin)], check=True, env=random, cwd=root)
    for name in NAMES:
        assert (mixed / name).read_bytes() == (twin / name).read_bytes(), name


def test_the_page_is_whole_and_loads_nothing(mixed: Path) -> None:
    page, raw = Page(mixed / "resilience.html"), (mixed / "resilience.html").read_text("utf-8")
    assert not {"script", "link", "img", "iframe", "object", "image", "foreignobject"} & {
        *page.tags
    }
    assert not [name for name in page.attributes if name.startswith("on") or name == "src"]
    assert set(re.findall(r"https?://[^\s\"'<>)]+", raw)) <= NAMESPACES
    assert re.findall(r"url\((?!#)", raw) == []
    assert len(page.ids) == len(set(page.ids))


def test_a_word_stands_beside_every_colour(mixed: Path) -> None:
    raw = (mixed / "resilience.html").read_text("utf-8")
    cells = re.findall(r'<td class="(held|violated|inconclusive)[^"]*">(.*?)</td>', raw)
    assert len(cells) >= 8
    assert all(f"</span> {status}</span>" in inside for status, inside in cells)
    marks = re.findall(r'<li class="(held|violated|inconclusive)"[^>]*aria-label="(\w+)', raw)
    assert len(marks) == 12
    assert all(status == word for status, word in marks)


def test_names_from_runs_are_never_markup(tmp_path: Path) -> None:
    place = builder.write(
        tmp_path / "x" / "y",
        builder.verdict(
            folders.TAKEN, experiment=HOSTILE, hypothesis=HOSTILE, run=HOSTILE, system=HOSTILE,
            runtime=HOSTILE, restored=False, status=Status.INCONCLUSIVE, reasons=(HOSTILE,),
            coverage=(CoverageCell(point=HOSTILE, trouble="wrong", status=Status.HELD),),
            started_at=folders.AS_OF.isoformat(),
        ),
        folders.TAKEN,
    )  # fmt: skip
    assert place.is_dir()
    folders.report(tmp_path)
    assert "script" not in Page(tmp_path / "resilience.html").tags
    markdown = (tmp_path / "resilience.md").read_text("utf-8")
    outside = re.sub(r"(`+).*?\1", "", markdown.replace("\\`", ""))
    assert not re.search(r"(?<!\\)<script", outside)


def test_the_published_schema_is_the_generated_one_and_the_report_satisfies_it(mixed: Path) -> None:
    again = "chaoskit schema resilience > docs/schemas/resilience.schema.json"
    assert json.loads(PUBLISHED.read_text()) == resilience_schema(), again
    told = json.loads((mixed / "resilience.json").read_text())
    Draft202012Validator(resilience_schema()).validate(told)
    assert Resilience.model_validate(told).version == told["version"] == 1


def test_runs_that_prove_nothing_are_listed_with_the_reason(mixed: Path) -> None:
    said = Page(mixed / "resilience.html").words
    markdown = (mixed / "resilience.md").read_text("utf-8")
    for words in (
        "it still runs, or its process died", "interrupted (SIGINT)", "not a verdict of this",
        "ended before its journal began", "held by hand claim nothing", "it was inconclusive",
        "something may have been left in force: chaoskit revert 20250528T120000Z",
    ):  # fmt: skip
        assert words in said, words
        assert words in markdown, words


def test_every_system_has_its_own_score(mixed: Path) -> None:
    told = Resilience.model_validate_json((mixed / "resilience.json").read_bytes())
    bank, shop = (system.score for system in told.systems)
    assert bank.covered is None
    assert bank.at_least is None
    assert shop.covered is not None
    assert (shop.covered.part, shop.covered.whole) == (4, 24)
    assert (shop.held.part, shop.violated, shop.stale, shop.inconclusive) == (3, 1, 1, 1)
    assert (shop.at_least, shop.at_most) == (3 / 24, 23 / 24)
    assert shop.never == 18


def test_nothing_measured_gives_no_figure(tmp_path: Path) -> None:
    folders.run(tmp_path, "cache-loss", 1, "inconclusive", recovery=folders.recovered(1.0))
    (system,) = folders.report(tmp_path).systems
    assert system.score.held.share is None
    assert (system.score.held.low, system.score.held.high) == (None, None)
    assert [spread for r in system.recoveries for spread in r.spreads] == []
    said = Page(tmp_path / "resilience.html").words
    assert "NOTHING PROVEN" in said
    assert said.count("no figure") >= 2


def test_another_experiments_newer_pass_does_not_hide_a_violation(tmp_path: Path) -> None:
    folders.run(tmp_path, "cache-loss", 9, "violated")
    folders.run(tmp_path, "cache-slow", 1, "held")
    found = cell(folders.report(tmp_path))
    assert (found.status, found.age) == (Status.VIOLATED, 9 * folders.DAY)


def test_a_violation_counts_until_a_full_run_of_its_experiment_holds(tmp_path: Path) -> None:
    folders.run(tmp_path, "cache-loss", 90, "violated")
    found = cell(folders.report(tmp_path))
    assert (found.status, found.current) == (Status.VIOLATED, True)
    folders.run(tmp_path, "cache-loss", 5, "inconclusive")
    assert cell(folders.report(tmp_path)).proofs[0].doubts == 1
    folders.run(tmp_path, "cache-loss", 4, "held", quick=True)
    assert cell(folders.report(tmp_path)).status is Status.VIOLATED
    folders.run(tmp_path, "cache-loss", 3, "held")
    assert cell(folders.report(tmp_path)).status is Status.HELD


def test_a_run_that_held_and_left_something_behind_proves_nothing(tmp_path: Path) -> None:
    folders.run(tmp_path, "cache-loss", 3, "held", restored=False)
    found = cell(folders.report(tmp_path))
    assert (found.status, found.current, found.proofs) == (Status.INCONCLUSIVE, False, ())
    folders.run(tmp_path, "cache-loss", 9, "violated", restored=False)
    told = folders.report(tmp_path)
    assert cell(told).status is Status.VIOLATED
    assert told.systems[0].score.held.part == 0
    folders.run(tmp_path, "cache-loss", 1, "held")
    assert cell(folders.report(tmp_path)).status is Status.HELD


def test_the_runtimes_are_proofs_of_their_own(tmp_path: Path) -> None:
    folders.run(tmp_path, "cache-loss", 9, "violated", runtime="docker")
    folders.run(tmp_path, "cache-loss", 1, "held", runtime="local")
    assert cell(folders.report(tmp_path)).status is Status.VIOLATED


def test_a_quick_violation_counts_and_a_quick_pass_is_marked(tmp_path: Path) -> None:
    folders.run(tmp_path, "cache-loss", 3, "held", quick=True)
    (proof,) = cell(folders.report(tmp_path)).proofs
    assert proof.quick
    assert "quick only" in Page(tmp_path / "resilience.html").words
    folders.run(tmp_path, "cache-loss", 2, "held")
    folders.run(tmp_path, "cache-loss", 1, "violated", quick=True)
    assert cell(folders.report(tmp_path)).status is Status.VIOLATED


def test_a_stale_pass_is_named_and_does_not_count(tmp_path: Path) -> None:
    folders.run(tmp_path, "cache-loss", 12, "held")
    assert cell(folders.report(tmp_path)).current
    told = folders.report(tmp_path, days=10)
    assert (cell(told).status, cell(told).current) == (Status.HELD, False)
    assert told.systems[0].score.held.whole == 0
    assert "1 cell held too long ago to count" in Page(tmp_path / "resilience.html").words


def test_a_point_that_is_no_longer_declared_is_shown_and_not_counted(tmp_path: Path) -> None:
    folders.run(tmp_path, "queue-loss", 1, "held", ("queue", "wrong"))
    told = folders.report(tmp_path)
    assert cell(told, "queue", "wrong").current
    assert told.systems[0].score.held.whole == 0
    assert "no longer in the system file" in Page(tmp_path / "resilience.html").words


def test_what_nobody_felt_costs_nothing_and_what_was_not_measured_is_no_zero(
    mixed: Path,
) -> None:
    told = Resilience.model_validate_json((mixed / "resilience.json").read_bytes())
    by_name = {d.experiment: d for d in told.systems[1].downtime}
    assert by_name["database-loss"].area is None
    assert by_name["database-loss"].cost is None
    assert by_name["cache-loss"].cost == 6 * 1240.0
    assert by_name["cache-loss"].area == pytest.approx(6 * 0.62)


def test_a_run_met_twice_counts_once(tmp_path: Path) -> None:
    one = folders.run(tmp_path, "cache-loss", 1, "held")
    copy = tmp_path / "sample"
    copy.mkdir()
    (copy / "verdict.json").write_bytes((one / "verdict.json").read_bytes())
    told = folders.report(tmp_path)
    assert told.systems[0].runs == 1
    assert [(o.folder, o.what) for o in told.left_out] == [("sample", "copy")]


@pytest.mark.parametrize(("part", "whole"), [(0, 1), (6, 6), (5, 6), (40, 57), (1, 1000)])
def test_the_interval_is_where_the_score_test_turns(part: int, whole: int) -> None:
    found, z = wilson(part, whole), 1.959963984540054
    assert found.low is not None
    assert found.high is not None
    for bound in {found.low, found.high} - {0.0, 1.0}:
        error = abs(part / whole - bound) / math.sqrt(bound * (1 - bound) / whole)
        assert error == pytest.approx(z, rel=1e-4)
    assert 0 <= found.low <= part / whole <= found.high <= 1


def test_a_folder_without_a_run_is_invalid_input(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InvalidInput, match="no run lies below"):
        folders.report(tmp_path)
    failed = call(tmp_path).exception
    assert isinstance(failed, InvalidInput)
    assert failed.exit_code == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "notes.txt"]


def test_the_command_writes_where_it_is_told_and_nowhere_else(tmp_path: Path) -> None:
    root, out = folders.mixed(tmp_path / "reports"), tmp_path / "out" / "deep"
    (next((root / "cache-loss").iterdir()) / "report.html").touch()
    before = sorted(root.rglob("*"))
    done = call(root, "-o", out, "--max-age", "60d", "--as-of", "2025-06-01T14:00+02:00")
    assert done.return_value == 0
    assert str(out / "resilience.html") in done.stdout
    assert "held too long" not in done.stdout
    assert sorted(root.rglob("*")) == before
    assert sorted(p.name for p in out.iterdir()) == sorted(NAMES)
    told = json.loads((out / "resilience.json").read_text())
    assert (told["as_of"], told["max_age"]) == ("2025-06-01T12:00:00Z", 60 * 86400)
    (link,) = set(re.findall(r'href="([^"#]+)"', (out / "resilience.html").read_text()))
    assert (out / link).resolve().is_file()


def test_the_documented_output_is_real(mixed: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/resilience.md").read_text("utf-8")
    (block,) = re.findall(r"```console\n\$ [^\n]*\n(.*?)```", page, re.DOTALL)
    said = call(mixed, "-o", tmp_path, "--as-of", folders.AS_OF.isoformat()).stdout
    assert block in said


def test_runs_after_the_time_of_the_report_are_left_out(tmp_path: Path) -> None:
    folders.run(tmp_path, "cache-loss", 9, "held")
    folders.run(tmp_path, "cache-loss", 1, "violated")
    call(tmp_path, "--as-of", "2025-05-25")
    told = Resilience.model_validate_json((tmp_path / "resilience.json").read_bytes())
    assert cell(told).status is Status.HELD
    assert [one.what for one in told.left_out] == ["later"]


def test_a_run_directory_still_gets_its_own_pages(tmp_path: Path) -> None:
    run = folders.run(tmp_path, "cache-loss", 1, "held")
    assert call(run).return_value == 0
    assert (run / "report.html").is_file()
    assert not (run / "resilience.html").exists()
    assert "folder that holds runs" in str(call(run, "--max-age", "3d").exception)


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [("--max-age", "old", "such as 30d"), ("--as-of", "soon", "such as 2026")],
)
def test_a_strange_age_or_time_is_refused(
    tmp_path: Path, option: str, value: str, hint: str
) -> None:
    folders.run(tmp_path, "cache-loss", 1, "held")
    assert hint in str(call(tmp_path, option, value).exception)
