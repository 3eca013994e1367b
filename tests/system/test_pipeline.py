"""The ready pipeline, played on a clean clone: a regression fails it, and its summary names it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.stage import lower_shop
from tests.system.conftest import ROOT, only

pytestmark = [pytest.mark.slow, pytest.mark.measured, pytest.mark.timeout(900), only("docker")]

PIPELINE = ROOT / "docs/ci/github-actions.yml"
# What a user changes in it: how chaoskit is installed (by uv where it is), and what is run.
UV = f"{sys.executable} -m uv pip install --quiet --python python ."
PIP = "python -m pip install ."
YOURS = {
    PIP: UV if importlib.util.find_spec("uv") else PIP,
    "chaoskit run --ci": "chaoskit run --ci --quick",
}
INCONCLUSIVE = 3


class Job:
    """A clean clone with one experiment, and a virtual environment to install chaoskit into."""

    def __init__(self, folder: Path) -> None:
        self.clone, self.venv = folder / "clone", folder / "venv"
        self.summary = folder / "summary.md"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.clone)], check=True)
        subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True)
        for path in (self.clone / "experiments/shop").glob("*.yaml"):
            if path.name not in ("system.yaml", "node-kill.yaml"):
                path.unlink()

    def played(self, without: str) -> int:
        """The job's exit code: that of its first failed step; those for always run after it too.

        Again (twice) where the machine's noise left it inconclusive.
        """
        for last in (False, False, True):
            self.summary.unlink(missing_ok=True)
            code = 0
            for step in self._steps():
                if not code or step.get("if") == "always()":
                    done = self._done(step["run"], without)
                    code = code or done
            if last or code != INCONCLUSIVE:
                break
        return code

    def _steps(self) -> Iterator[dict[str, Any]]:
        return (step for step in self._pipeline()["jobs"]["verify"]["steps"] if "run" in step)

    def _pipeline(self) -> dict[str, Any]:
        text = PIPELINE.read_text()
        for old, new in YOURS.items():
            assert old in text
            text = text.replace(old, new)
        pipeline: dict[str, Any] = yaml.safe_load(text)
        return pipeline

    def _done(self, line: str, without: str) -> int:
        path = f"{self.venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | self._pipeline()["env"] | {
            "PATH": path, "VIRTUAL_ENV": str(self.venv), "CI": "true",
            "CHAOSKIT_STATE": str(self.clone / ".chaoskit"), "SHOP_WITHOUT": without,
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }  # fmt: skip
        return subprocess.run(
            ["bash", "-ec", line], cwd=self.clone, env=environment, check=False, timeout=400
        ).returncode

    def newest(self) -> Path:
        return max(self.clone.glob("reports/*/*/verdict.json"), key=lambda p: p.parent.name).parent


def test_a_regression_fails_the_pipeline_and_is_named(runtime: str, tmp_path: Path) -> None:
    lower_shop("local")
    lower_shop(runtime)  # which is what `--runtime auto` takes where an engine answers
    job = Job(tmp_path)

    assert job.played(without="") == 0
    assert json.loads((job.newest() / "verdict.json").read_text())["status"] == "held"

    assert job.played(without="gateway-checks") == 1
    verdict = json.loads((job.newest() / "verdict.json").read_text())
    broken = [gate for gate in verdict["gates"] if gate["status"] == "violated"]
    assert broken
    for gate in broken:
        assert gate["expectation"] in job.summary.read_text()
    suite = ElementTree.parse(job.newest() / "junit.xml").getroot()
    assert len(list(suite.iter("failure"))) == len(broken)
    assert (job.clone / "reports" / "resilience.html").is_file()
    assert verdict["restored"]
    assert not list((job.clone / "shop" / ".state").glob("*.json")), "the shop was left up"
