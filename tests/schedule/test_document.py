"""Wrong schedules: every problem at once, each at its place, with what may have been meant."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from chaoskit.document import load_schedule
from chaoskit.errors import DocumentError
from chaoskit.model.schedule import Blackout, Notice, Schedule, Slot
from chaoskit.schema import schedule_schema
from tests.schedule.desk import DOCUMENTS, lay

PAGE = (Path(__file__).parents[2] / "docs" / "schedule.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SCHEMA = Draft202012Validator(schedule_schema())


def problems(name: str, folder: Path) -> list[str]:
    lay(folder)
    path = shutil.copy(DOCUMENTS / "schedules" / name, folder)
    with pytest.raises(DocumentError) as caught:
        load_schedule(Path(path))
    return [str(one).removeprefix(f"{path}:") for one in caught.value.problems]


def test_what_cannot_be_typed(tmp_path: Path) -> None:
    found = problems("wrong.yaml", tmp_path)
    assert [line.split(" ")[0] for line in found] == [
        "3:7:", "4:1:", "5:23:", "5:38:", "7:12:", "8:5:", "9:10:", "11:5:", "16:10:", "17:5:",
    ]  # fmt: skip
    assert "did you mean 'before'?" in found[6]
    assert "exactly one of 'cron' and 'random'" in found[7]
    assert "did you mean 'cron'?" in found[9]


def test_what_does_not_fit(tmp_path: Path) -> None:
    found = problems("unfitting.yaml", tmp_path)
    assert [line.split(" ")[0] for line in found] == [
        "2:11:", "4:18:", "5:18:", "8:11:", "9:11:", "10:11:", "12:11:", "15:11:",
    ]  # fmt: skip
    assert "did you mean 'Europe/Berlin'?" in found[0]
    assert "did you mean 'cache-loss.yaml'?" in found[3]
    assert "bad hour" in found[4]
    assert "five fields" in found[6]


def test_what_an_entry_is_to_do(tmp_path: Path) -> None:
    found = problems("gamedays.yaml", tmp_path)
    assert [line.split(" ")[0] for line in found] == ["4:5:", "5:5:", "6:22:", "7:29:"]
    assert "needs exactly one of 'run' and 'gameday'" in found[0]
    both = "exactly one of 'run' and 'gameday', and exactly one of 'cron' and 'random'"
    assert both in found[1]
    assert "did you mean 'gameday'?" in found[2]


def test_game_days_that_do_not_fit(tmp_path: Path) -> None:
    day = (DOCUMENTS / "shop" / "gameday.yaml").read_text()
    (tmp_path / "wrong-day.yaml").write_text(day.replace("expect", "expct"))
    found = problems("gamedays-elsewhere.yaml", tmp_path)
    own = [line for line in found if not line.startswith(str(tmp_path))]
    assert [line.split(" ")[0] for line in own] == [
        "5:14:", "8:14:", "11:11:", "15:11:", "18:13:", "21:13:", "23:14:",
    ]  # fmt: skip
    assert "did you mean 'gameday.yaml'?" in own[0]
    assert "is an experiment, not a game day (write run: [cache-loss.yaml]" in own[1]
    assert "is a game day, not an experiment (write gameday: gameday.yaml" in own[2]
    # Ten o'clock in Berlin is nine in London.
    assert "never comes within the game day (2026-12-01 10:00-12:00 Europe/Berlin)" in own[3]
    assert "such as '0 9 1 12 *'" in own[3]
    assert "such as {days: tue, from: '09:00', to: '11:00'}" in own[4]
    (wrong,) = [line for line in found if line not in own]
    assert wrong.startswith(f"{tmp_path / 'wrong-day.yaml'}:13:5: unknown key 'expct'")


@pytest.mark.parametrize(
    "when",
    [
        'cron: "59 10 1 12 *"',
        'cron: "*/30 * * * *"',
        'random: {days: mon-fri, from: "09:00", to: "11:00"}',
        'random: {from: "10:59", to: "11:00"}',
    ],
)
def test_an_entry_that_meets_its_game_day(when: str, tmp_path: Path) -> None:
    lay(tmp_path)
    (tmp_path / "schedule.yaml").write_text(
        "schedule: s\ntimezone: Europe/London\nentries:\n"
        f"  - {{name: a, gameday: gameday.yaml, {when}}}\n"
    )
    found = load_schedule(tmp_path)
    assert found.gamedays["a"].gameday.title == "The cache goes away"
    assert found.experiments == {"a": ()}


def test_a_secret_is_in_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "s3cret")
    lay(tmp_path)
    (tmp_path / "schedule.yaml").write_text(
        'schedule: s\nnotice: {before: 5m, webhook: "${env:HOOK}"}\n'
        'entries: [{name: a, run: [cache-loss.yaml], cron: "* * * * *"}]\n'
    )
    with pytest.raises(DocumentError) as caught:
        load_schedule(tmp_path)
    assert "s3cret" not in str(caught.value)
    assert "${env:HOOK}" in str(caught.value)


@pytest.mark.parametrize("text", BLOCKS)
def test_a_block_of_the_page_is_a_schedule(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAOS_WEBHOOK", "https://hooks.example.com/x")
    lay(tmp_path)
    (tmp_path / "schedule.yaml").write_text(text)
    assert load_schedule(tmp_path).schedule.schedule == "shop"
    read = json.loads(json.dumps(yaml.safe_load(text), default=str))
    assert [e.message for e in SCHEMA.iter_errors(read)] == []


def test_the_page_has_a_block_and_every_key() -> None:
    assert BLOCKS
    fields = [f for m in (Schedule, Slot, Notice, Blackout) for f in m.model_fields.items()]
    assert {spec.alias or name for name, spec in fields} <= set(re.findall(r"`(\w+)`", PAGE))


def test_an_editor_sees_the_mistake() -> None:
    Draft202012Validator.check_schema(schedule_schema())
    read = yaml.safe_load((DOCUMENTS / "schedules" / "wrong.yaml").read_text())
    assert not SCHEMA.is_valid(read)
