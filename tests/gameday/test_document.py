"""Wrong game days: every problem at once, each at its place, with what may have been meant."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from chaoskit.document import load_gameday
from chaoskit.errors import DocumentError
from chaoskit.gameday.template import template
from chaoskit.model.gameday import CHECKS, GameDay, People, Question, Recover, Step
from chaoskit.schema import gameday_schema
from tests.gameday.desk import GAMEDAY, write

SHOP = Path(__file__).parents[2] / "experiments" / "shop" / "gameday.yaml"
PAGE = (Path(__file__).parents[2] / "docs" / "gameday.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SCHEMA = Draft202012Validator(gameday_schema())
WRONG = """\
gameday: cache day
title: The cache goes away
purpose: Do we notice?
date: 2026-02-30
window: {from: "12:00", to: "10:00"}
timezon: Europe/Berlin
people: {owner: [], facilitator: Grace, oparator: [Linus]}
go_no_go:
  - ask: Is support told?
    check: not_halted
  - check: full_stength
agenda:
  - title: Nothing
  - title: Held for ever
    inject: {kill: {node: web1}}
    expect: x
  - title: Without an expectation
    recover: {restart: web1}
  - {title: Both, discuss: x, break: 5m}
  - title: A fault that is none
    inject: {kil: {node: web1}}
    most: 5m
    expect: x
"""
UNFITTING = """\
gameday: cache-day
title: The cache goes away
purpose: Do we notice?
date: 2026-12-01
window: {from: "10:00", to: "12:00"}
timezone: Europe/Belin
people: {owner: Ada, facilitator: Grace}
go_no_go: [{check: not_halted}]
agenda:
  - {title: a, inject: {kill: {node: web9}}, most: 5m, expect: x}
  - {title: b, inject: {kill: {node: web1, for: 10s}}, most: 5m, expect: x}
  - {title: c, inject: {kill: {node: web1}}, most: 0s, expect: x}
  - {title: d, experiment: web-los.yaml, expect: x}
  - {title: e, recover: {restart: wep1}, expect: x}
  - {title: f, break: 0s}
halt_when: [{http: {url: "http://example.com/stop"}}]
alerts: ftp://127.0.0.1
carry: none.yaml
"""


def problems(folder: Path, text: str) -> list[str]:
    path = write(folder, text)
    with pytest.raises(DocumentError) as caught:
        load_gameday(path)
    return [str(one).removeprefix(f"{path}:") for one in caught.value.problems]


def test_what_cannot_be_typed(tmp_path: Path) -> None:
    found = problems(tmp_path, WRONG)
    assert [line.split(" ")[0] for line in found] == [
        "1:10:", "4:7:", "5:9:", "6:1:", "7:17:", "7:41:", "9:5:", "11:12:", "13:5:", "14:5:",
        "17:5:", "19:5:", "21:14:",
    ]  # fmt: skip
    assert "did you mean 'timezone'?" in found[3]
    assert "did you mean 'operator'?" in found[5]
    assert "did you mean 'full_strength'?" in found[7]
    assert "such as most: 10m" in found[9]
    assert "did you mean 'kill'?" in found[12]


def test_what_does_not_fit(tmp_path: Path) -> None:
    found = problems(tmp_path, UNFITTING)
    assert [line.split(" ")[0] for line in found] == [
        "6:11:", "10:38:", "11:49:", "12:52:", "13:28:", "14:35:", "15:23:", "16:26:", "17:9:",
        "18:8:",
    ]  # fmt: skip
    assert "did you mean 'Europe/Berlin'?" in found[0]
    assert "write most: 10m" in found[2]
    assert "did you mean 'web-loss.yaml'?" in found[4]
    assert "did you mean 'web1'?" in found[5]


def test_an_experiment_about_another_system_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    write(tmp_path / "other")
    found = problems(tmp_path, GAMEDAY.replace("web-loss.yaml", "other/web-loss.yaml"))
    assert "another system than the game day" in found[0]


def test_problems_of_its_experiments_are_told_too(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "web-loss.yaml").write_text("experiment: web-loss\n")
    with pytest.raises(DocumentError, match=r"web-loss\.yaml:1:1: 'hypothesis' is missing"):
        load_gameday(path)


@pytest.mark.parametrize("text", [GAMEDAY, template("2026-12-01", "web1"), *BLOCKS])
def test_a_game_day_is_taken_and_fits_the_schema(tmp_path: Path, text: str) -> None:
    assert load_gameday(write(tmp_path, text)).gameday.agenda
    assert [e.message for e in SCHEMA.iter_errors(yaml.safe_load(_dates(text)))] == []


@pytest.mark.parametrize("text", [WRONG, UNFITTING])
def test_the_schema_refuses_what_cannot_be_typed(text: str) -> None:
    fits = list(SCHEMA.iter_errors(yaml.safe_load(_dates(text)))) == []
    assert fits == (text == UNFITTING.replace(", for: 10s", ""))


def test_the_shops_own_game_day_is_valid() -> None:
    found = load_gameday(SHOP)
    assert found.system.system == "shop"
    assert len(found.experiments) == 1


def _dates(text: str) -> str:
    """YAML 1.1 reads a bare day as a date, which JSON does not have."""
    return re.sub(r"^date: (\S+)$", r'date: "\1"', text, flags=re.MULTILINE)


def test_the_schema_can_be_printed() -> None:
    command = [sys.executable, "-m", "chaoskit", "schema", "gameday"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == gameday_schema()


def test_every_key_is_in_the_reference() -> None:
    rows = "\n".join(re.findall(r"^\| (.*?) \|", PAGE, re.MULTILINE))
    models = (GameDay, Step, People, Question, Recover)
    keys = {f.alias or n for model in models for n, f in model.model_fields.items()}
    assert keys <= set(re.findall(r"`(\w+)`", rows))
    assert set(CHECKS) <= set(re.findall(r"`(\w+)`", PAGE))
