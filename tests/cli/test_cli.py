"""The command line without any engine: exit codes, one clear message, nothing heavy imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ROOT / "tests" / "documents"
HEAVY = ("docker", "locust", "numpy", "matplotlib", "jinja2", "gevent")


def chaoskit(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chaoskit", *words],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {"CHAOSKIT_STATE": str(tmp_path / "state")}


@pytest.mark.parametrize(
    "words",
    [("--version",), ("validate", "tests/documents/good/cache-loss.yaml"), ("faults",)],
)
def test_light_commands_import_nothing_heavy(words: tuple[str, ...]) -> None:
    code = (
        "import sys; from chaoskit.cli import _call; "
        f"code = _call({list(words)!r}); "
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]; "
        "sys.exit(f'exit {code}, imported {heavy}' if heavy or code else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_help_names_every_command() -> None:
    said = chaoskit("--help").stdout
    for command in ("run", "validate", "plan", "inject", "revert", "judge", "report", "faults",
                    "schema", "system", "doctor", "halt", "compare", "baseline"):  # fmt: skip
        assert f"\n  {command} " in said


@pytest.mark.parametrize("path", sorted((DOCUMENTS / "malformed").glob("*.yaml")), ids=str)
def test_a_malformed_file_gives_places_and_exit_two(path: Path, state: dict[str, str]) -> None:
    for command in ("validate", "run"):
        done = chaoskit(command, str(path), **state)
        assert done.returncode == 2, done.stderr
        assert f"{path.name}:" in done.stderr
        assert "nothing was run" in done.stderr
        assert "Traceback" not in done.stderr


def test_all_problems_of_all_files_come_in_one_pass() -> None:
    one, two = (str(DOCUMENTS / "malformed" / f"{n}.yaml") for n in ("unknown-key", "wrong-unit"))
    done = chaoskit("validate", one, two)
    assert "unknown-key.yaml:" in done.stderr
    assert "wrong-unit.yaml:" in done.stderr


def test_the_catalogue_shows_every_fault_and_each_in_full() -> None:
    listed = chaoskit("faults").stdout
    names = [line.split()[0] for line in listed.splitlines()]
    assert names == sorted(names)
    assert {"kill", "stop", "pause", "restart", "latency", "bandwidth", "cut", "reset"} <= {*names}
    for name in names:
        assert "trouble" in chaoskit("faults", name).stdout


def test_an_unknown_fault_suggests_the_nearest() -> None:
    done = chaoskit("faults", "latencie")
    assert done.returncode == 2
    assert "did you mean 'latency'" in done.stderr


@pytest.mark.parametrize("which", ["experiment", "system"])
def test_the_schema_is_json(which: str) -> None:
    assert json.loads(chaoskit("schema", which).stdout)["type"] == "object"


def test_halt_blocks_and_lift_allows(state: dict[str, str]) -> None:
    assert "outage" in chaoskit("halt", "--why", "outage", **state).stdout
    assert "the halt is lifted" in chaoskit("halt", "--lift", **state).stdout
    assert "nothing was halted" in chaoskit("halt", "--lift", **state).stdout


def test_revert_with_nothing_outstanding_says_so(state: dict[str, str]) -> None:
    done = chaoskit("revert", **state)
    assert done.returncode == 0
    assert "nothing is outstanding" in done.stdout


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("inject", "latency", "--link", "web -> catalog", "--delay", "80"), "--for"),
        (("inject", "latency", "--node", "web1", "--delay", "80ms", "--for", "5s"), "--link"),
        (("inject", "latency", "--link", "a -> b", "--delay", "80", "--for", "5s"), "duration"),
        (("inject", "latency", "--link", "a -> b", "--dealy", "80ms", "--for", "5s"), "--dealy"),
        (("inject", "kill", "--for", "5s"), "--node"),
        (("run",), "PATHS"),
        (("run", "no-such-file.yaml"), "no-such-file.yaml"),
        (("run", "tests/documents/good", "--set", "load.rate"), "key=value"),
        (("judge", "no-such-run"), "no-such-run"),
    ],
)
def test_misuse_is_told_in_one_message(words: tuple[str, ...], hint: str) -> None:
    done = chaoskit(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("judge",), ("report",), ("revert",), ("compare",), ("baseline",), ("runs", "show"),
        ("calibrate", "--from"),
    ],
)  # fmt: skip
def test_a_directory_that_is_no_run_is_told_so(words: tuple[str, ...], tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    second = (str(place),) if words == ("compare",) else ()
    done = chaoskit(*words, str(place), *second, CHAOSKIT_STATE=str(tmp_path / "state"))
    assert done.returncode == 2, done.stdout + done.stderr
    assert str(place) in done.stderr
    assert "bug of ours" not in done.stderr
    assert [*place.iterdir()] == []


@pytest.mark.parametrize("words", [("judge",), ("revert",), ("report",), ("calibrate", "--from")])
def test_pages_without_their_run_are_no_run(words: tuple[str, ...], tmp_path: Path) -> None:
    sample = shutil.copytree(ROOT / "reports" / "sample", tmp_path / "sample")
    before = {path.name: path.read_bytes() for path in sample.iterdir()}
    done = chaoskit(*words, str(sample), CHAOSKIT_STATE=str(tmp_path / "state"))
    assert done.returncode == 2, done.stdout + done.stderr
    assert str(sample) in done.stderr
    assert {path.name: path.read_bytes() for path in sample.iterdir()} == before


def test_a_local_system_that_is_not_up_is_one_clear_message(state: dict[str, str]) -> None:
    done = chaoskit(
        "run", "--runtime", "local", "experiments/shop/healthy.yaml",
        SHOP_PROJECT="nobodys", **state,
    )  # fmt: skip
    assert done.returncode == 5, done.stdout + done.stderr
    assert "shop is not up on local; try: chaoskit system up --runtime local" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_engine_is_one_clear_message(state: dict[str, str]) -> None:
    done = chaoskit(
        "run", "--runtime", "docker", "experiments/shop/healthy.yaml",
        DOCKER_HOST="unix:///nowhere/docker.sock", **state,
    )  # fmt: skip
    assert done.returncode == 5, done.stdout + done.stderr
    assert "engine" in done.stderr
    assert "Traceback" not in done.stderr
