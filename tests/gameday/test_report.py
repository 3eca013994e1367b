"""The report: predictions beside observations, times with their reasons, and text as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaoskit.document import load_gameday
from chaoskit.errors import InvalidInput
from chaoskit.gameday.log import log_of
from chaoskit.gameday.report import write as write_report
from tests.gameday.desk import GAMEDAY, write
from tests.gameday.test_leftovers import INJECTING, REVERTED
from tests.report import builder
from tests.report.page import Page

HOSTILE = '<script>alert("$x$")</script>|`*_'
ACKNOWLEDGED = builder.T0 + 30.2


def played(folder: Path, *entries: dict[str, Any], gameday: str = GAMEDAY) -> tuple[str, str]:
    """The page as a reader sees it and the Markdown, of a log with these entries."""
    path = write(folder, gameday)
    lines = [
        json.dumps({"n": n, "t": builder.T0, "at": f"2026-12-01T10:00:{n:02}.000Z"} | entry)
        for n, entry in enumerate(entries, 1)
    ]
    log_of(path).write_text("\n".join(lines) + "\n")
    page, text = write_report(load_gameday(path), folder / "out")
    return Page(page).words, text.read_text()


def begun(step: str, **more: Any) -> dict[str, Any]:
    return {"kind": "step", "step": step, "value": "begun", "person": "Grace", **more}


def said(kind: str, step: str = "2", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "step": step, "person": "Linus", "role": "operator", **more}


def experiment(run: Path, *more: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        said("prediction", text="Nobody will notice"),
        begun("2"),
        {"kind": "running", "step": "2", "run": str(run)},
        *more,
        {"kind": "ran", "step": "2", "how": "held", "run": str(run)},
        begun("2", value="ended", how="held"),
    ]


def test_a_judged_step_has_each_time_with_who_or_why(tmp_path: Path) -> None:
    run = builder.held(tmp_path / "run")
    page, text = played(
        tmp_path,
        *experiment(
            run,
            said("alert", person="chaoskit", value="new", text="CacheDown", t=ACKNOWLEDGED + 45),
            said("seen", text="It is slow", t=ACKNOWLEDGED + 12.5),
            said("seen", person="Barbara", t=ACKNOWLEDGED + 20),
            said("mitigated", t=ACKNOWLEDGED + 33),
            said("note", text="quiet", t=ACKNOWLEDGED + 34),
        ),
        gameday=GAMEDAY + 'alerts: "http://127.0.0.1:1/"\n',
    )
    for shown in (
        "Seen by people12.5 sLinus",
        "The system's own alerts45 sCacheDown",
        "chaoskit's judge750 ms",
        "Mitigated33 sLinus",
        "Put back60.1 sby runner",
        "Recovered, after it was put back5.8 s",
        "since the fault was in force",
        "Nobody will notice",
        "Linus: It is slow",
        "held: All 9 expectations held",
        "note 8",
    ):
        assert shown in page, shown
    assert "| 2. One web server is lost | Seen by people | 12.5 s | Linus |" in text


def test_a_step_that_was_cut_off_had_no_look_at_the_system(tmp_path: Path) -> None:
    run = tmp_path / "by-hand"
    run.mkdir()
    (run / "journal.jsonl").write_text(
        "".join(json.dumps(record) + "\n" for record in (INJECTING, REVERTED))
    )
    cut = begun("1", value="ended", how="cut-off")
    injected = said("injected", "1", text="kill on web1", item="i-0", run=str(run))
    page, _ = played(tmp_path, begun("1"), injected, cut)
    assert "Full strength, after it was put back–not asked: the step was cut off" in page


@pytest.mark.parametrize("journal", ["damaged", "gone"])
def test_where_the_journal_does_not_say_what_was_held_it_is_not_known(
    tmp_path: Path, journal: str
) -> None:
    run = tmp_path / "by-hand"
    run.mkdir()
    if journal == "damaged":
        broken = {**INJECTING, "undo": None}
        (run / "journal.jsonl").write_text(f"{json.dumps(broken)}\n{json.dumps(REVERTED)}\n")
    injected = said("injected", "1", text="kill on web1", item="i-0", run=str(run))
    ran = said("ran", "1", how="held", run=str(run))
    page, text = played(
        tmp_path, begun("1"), injected, ran, said("recovered", "1", t=builder.T0 + 9)
    )
    put_back = f"not known: the run's journal cannot be read; look with chaoskit revert {run}"
    assert f"Put back–{put_back}" in page
    assert "Full strength–reached; how long after it was put back is not known" in page
    assert "since the step began: when its fault was in force is not known" in page
    assert "nothing was held" not in page + text


def test_without_a_run_nothing_was_held(tmp_path: Path) -> None:
    page, _ = played(tmp_path, begun("1"))
    assert "Put back–nothing was held" in page


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    page, text = played(tmp_path, begun("1"), said("seen", "1", t=builder.T0 + 3))
    assert "nobody pressed mitigated" in page
    assert "no alert URL is named" in page
    assert "not judged: nothing was measured under load" in page
    assert "Full strength–nothing was done to the system" in page
    assert "since the step began" in page
    assert "The day is not closed" in page
    assert "never tested" in page
    assert "| 1. The cache's master is killed | Mitigated | – | nobody pressed mitigated |" in text


def test_alerts_that_did_not_answer_are_unknown_and_not_none(tmp_path: Path) -> None:
    page, _ = played(
        tmp_path, begun("1"), said("alert", "1", value="unanswered", text="status 503"),
        gameday=GAMEDAY + 'alerts: "http://127.0.0.1:1/"\n',
    )  # fmt: skip
    assert "unknown: status 503" in page


def test_a_word_before_the_fault_was_in_force_detects_nothing(tmp_path: Path) -> None:
    run = builder.held(tmp_path / "run")
    page, _ = played(tmp_path, *experiment(run, said("seen", t=ACKNOWLEDGED - 1)))
    assert "nobody pressed seen" in page


def test_words_of_an_earlier_try_tell_nothing_of_this_one(tmp_path: Path) -> None:
    """The machine was started anew between the two, so the clock of the first is ahead."""
    before, now = 864_000.0, 300.0
    page, _ = played(
        tmp_path,
        begun("1", t=before),
        said("alert", "1", person="chaoskit", value="new", text="CacheDown", t=before + 4),
        said("seen", "1", t=before + 5),
        said("mitigated", "1", t=before + 9),
        begun("1", value="ended", how="cut-off", t=now),
        begun("1", t=now + 10),
        said("seen", "1", person="Barbara", t=now + 22.5),
        gameday=GAMEDAY + 'alerts: "http://127.0.0.1:1/"\n',
    )
    assert "Seen by people12.5 sBarbara" in page
    assert "no alert came" in page
    assert "nobody pressed mitigated" in page


def test_findings_and_action_items_with_owner_and_day(tmp_path: Path) -> None:
    page, text = played(
        tmp_path,
        said("finding", "", text="No alert came"),
        said("action", "", item="A1", text="Add one", owner="Linus", due="2026-12-24"),
        said("action", "", item="A2", text="Old", owner="Ada", due="2026-11-01", how="carried"),
        said("action_closed", "", item="A2"),
    )
    assert "No alert came" in page
    assert "A1Add oneLinus2026-12-24open" in page
    assert "- [ ] A1 Add one (Linus, due 2026-12-24)" in text
    assert "- [x] A2 Old (Ada, due 2026-11-01, carried)" in text


def test_text_with_markup_is_shown_as_text(tmp_path: Path) -> None:
    run = builder.held(tmp_path / "run")
    quoted = json.dumps(HOSTILE)
    hostile = GAMEDAY.replace("A customer calls", "x").replace(
        "purpose: Do we notice before our customers do?", f"purpose: {quoted}"
    )
    page, text = played(
        tmp_path,
        *experiment(run, said("seen", text=HOSTILE, person=HOSTILE, t=ACKNOWLEDGED + 1)),
        said("note", text=HOSTILE),
        said("finding", text=HOSTILE),
        said("action", item="A1", text=HOSTILE, owner=HOSTILE, due="2026-12-24"),
        gameday=hostile,
    )
    read = Page(tmp_path / "out" / "gameday.report.html")
    assert not {"script", "link", "img", "iframe"} & {*read.tags}
    assert len(read.ids) == len(set(read.ids))
    assert page.count(HOSTILE) >= 6
    assert "<script" not in text.replace("\\<script", "")


def test_a_day_without_a_log_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no log yet"):
        write_report(load_gameday(write(tmp_path)))
