"""Which run a name stands for: the end of an id is enough where it says one run, never two."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaoskit.cli.places import find_run
from chaoskit.errors import InvalidInput

RUNS = ("a/20260101T000000Z-11ae", "b/20260102T000000Z-22be", "b/20260103T000000Z-33bc")


@pytest.fixture(autouse=True)
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in RUNS:
        folder = Path("reports") / name
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text("")


@pytest.mark.parametrize("named", ["22be", "02T000000Z-22be", "20260102T000000Z-22be"])
def test_the_end_of_an_id_names_its_run(named: str) -> None:
    assert find_run(named) == Path("reports") / RUNS[1]


def test_a_name_that_several_runs_end_in_is_refused_with_all_of_them() -> None:
    with pytest.raises(InvalidInput, match="2 runs end in 'e'") as refused:
        find_run("e")
    for name in RUNS[:2]:
        assert str(Path("reports") / name) in str(refused.value)
    assert RUNS[2] not in str(refused.value)


def test_one_id_in_two_folders_is_refused() -> None:
    twin = Path("reports/c") / Path(RUNS[0]).name
    twin.mkdir(parents=True)
    (twin / "journal.jsonl").write_text("")
    with pytest.raises(InvalidInput, match=re.escape(str(twin))):
        find_run(twin.name)


def test_without_a_name_it_is_the_newest() -> None:
    assert find_run(None) == Path("reports") / RUNS[2]


def test_what_a_run_lacks_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"22be: .* no plan\.json and no samples\.bin;"):
        find_run("22be", "journal.jsonl", "plan.json", "samples.bin")


@pytest.mark.parametrize("named", ["ffff", ""])
def test_a_name_of_nothing_is_refused(named: str) -> None:
    with pytest.raises(InvalidInput, match=f"no run {named} under"):
        find_run(named)
