"""The `chaos` fixture: what a test injects is in force inside its block, and gone after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.ports import NodeState
from chaoskit.world.fake import FakeWorld
from tests.pytest_plugin.conftest import CONFTEST
from tests.stage import eventually

TOLD = "kill on web1: in force; "
HELD = """
import pytest

@pytest.fixture
def held(chaos):
    with chaos.kill("web1"):
        yield

def test_it(held):
    assert False, "the shop is down"

"""


def run(project: pytest.Pytester, body: str, *words: str) -> pytest.RunResult:
    project.makepyfile(body)
    return project.runpytest_subprocess("-p", "no:cacheprovider", *words)


def world_in_a_file(project: pytest.Pytester) -> Path:
    """The project's world, where other processes can open it."""
    kept = project.path / "world.json"
    project.makeconftest(CONFTEST.format(path=f"Path({str(kept)!r})"))
    return kept


def in_the_middle(project: pytest.Pytester) -> subprocess.Popen[bytes]:
    """pytest as a process of its own, inside a block that keeps web1 killed."""
    project.makepyfile(
        """
        import signal
        import time

        def test_it(chaos):
            # A shell that began all this in its background has Ctrl-C ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            with chaos.kill("web1"):
                open("inside", "w").close()
                time.sleep(60)
        """
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    eventually((project.path / "inside").exists, within=30.0)
    return child


def put_back_by(project: pytest.Pytester) -> list[object]:
    return [r["by"] for r in journal(project) if r["kind"] == "reverted"]


def journal(project: pytest.Pytester) -> list[dict[str, object]]:
    (path,) = project.path.glob("reports/*/*/journal.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_fault_is_in_force_inside_the_block_and_gone_after_it(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        from chaoskit.ports import NodeState

        def states(chaos, *names):
            return [chaos.world.node(name).facts().state for name in names]

        def test_kill(chaos):
            with chaos.kill("web1"):
                assert states(chaos, "web1", "web2") == [NodeState.KILLED, NodeState.RUNNING]
            assert states(chaos, "web1") == [NodeState.RUNNING]

        def test_role(chaos):
            with chaos.kill("cache", role="master") as held:
                assert [one.point for one in held.injections] == ["cache1"]
                assert states(chaos, "cache1") == [NodeState.KILLED]

        def test_together(chaos):
            chaos.world.traffic("web -> cache", 3)
            with chaos.together(chaos.latency("web -> cache", "80ms"), chaos.pause("web2")) as held:
                assert {one.fault for one in held.injections} == {"latency", "pause"}
                assert states(chaos, "web2") == [NodeState.FROZEN]
            assert states(chaos, "web2") == [NodeState.RUNNING]
            assert all(one.reverted for one in held.injections)
        """,
    )
    done.assert_outcomes(passed=3)


def test_a_failing_test_shows_what_was_injected_and_it_is_put_back(
    project: pytest.Pytester,
) -> None:
    done = run(
        project,
        """
        def test_it(chaos):
            with chaos.kill("web1"):
                assert False, "the shop is down"
        """,
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*the shop is down*", "*- chaos -*", "kill on web1: in force; put*"])
    assert [r["kind"] for r in journal(project)].count("reverted") == 1


def test_a_failing_test_shows_what_a_fixture_holds_meanwhile(project: pytest.Pytester) -> None:
    done = run(project, HELD)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        ["*the shop is down*", "*- chaos -*", f"{TOLD}still open", "journal: *"]
    )
    assert put_back_by(project) == ["runner"]


def test_a_setup_or_teardown_that_fails_shows_it_too(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        import pytest

        @pytest.fixture
        def held(chaos):
            with chaos.kill("web1"):
                yield

        @pytest.fixture
        def lacking(held):
            assert False, "no data"

        @pytest.fixture
        def untidy(held):
            yield
            assert False, "not tidy"

        def test_setup(lacking):
            pass

        def test_teardown(untidy):
            pass
        """,
    )
    done.assert_outcomes(passed=1, errors=2)
    shown = ("no data", "still open"), ("not tidy", "put back")
    for why, became in shown:
        done.stdout.fnmatch_lines([f"*{why}*", "*- chaos -*", f"{TOLD}{became}"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('chaos.kil("web1")', "unknown fault 'kil', did you mean 'kill'?"),
        ('chaos.latency("web -> cache", "fast").__enter__()', "latency: delay: "),
        ('chaos.kill("web1", most="soon").__enter__()', "most: "),
        ('chaos.kill("web9").__enter__()', "web9"),
    ],
)
def test_what_makes_no_sense_is_one_clear_message(
    project: pytest.Pytester, words: str, said: str
) -> None:
    done = run(project, f"def test_it(chaos):\n    {words}\n")
    done.assert_outcomes(failed=1)
    assert said in done.stdout.str()
    assert not list(project.path.glob("reports/*/*/journal.jsonl"))


def test_a_fault_that_somebody_else_took_back_fails_the_test(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        import time
        from chaoskit.ports import NodeState

        def test_it(chaos):
            with chaos.kill("web1") as held:
                chaos.world.node("web1").reach(NodeState.RUNNING)
                until = time.monotonic() + 20
                while held.injections[0].lost is None and time.monotonic() < until:
                    time.sleep(0.05)
        """,
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*kill on web1 was lost while it was open: *"])


def test_a_block_that_outlasts_the_longest_time_fails(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        import time

        def test_it(chaos):
            with chaos.kill("web1", most="1s") as held:
                until = time.monotonic() + 20
                while held.injections[0].reverted is None and time.monotonic() < until:
                    time.sleep(0.05)
                while held.is_open and time.monotonic() < until:
                    time.sleep(0.05)
        """,
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*kill on web1 was over after 1s*"])


def test_a_second_block_inside_the_first_says_how_to_hold_both(project: pytest.Pytester) -> None:
    done = run(
        project,
        """
        def test_it(chaos):
            with chaos.kill("web1"), chaos.kill("cache1"):
                pass
        """,
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*chaos.together(*"])


def test_workers_of_xdist_take_turns(project: pytest.Pytester) -> None:
    """All of them at one world in a file: never are two nodes down at once."""
    kept = world_in_a_file(project)
    done = run(
        project,
        """
        import pytest
        from chaoskit.ports import NodeState

        @pytest.mark.parametrize("name", ["web1", "web2", "cache1", "cache2"])
        def test_it(chaos, name):
            with chaos.kill(name):
                states = {n: node.facts().state for n, node in chaos.world.nodes().items()}
                assert [n for n, s in states.items() if s is NodeState.KILLED] == [name]
        """,
        "-n", "2",
    )  # fmt: skip
    done.assert_outcomes(passed=4)
    world = FakeWorld.on_disk(kept)
    assert {node.facts().state for node in world.nodes().values()} == {NodeState.RUNNING}


def test_pytest_killed_in_the_middle_leaves_nothing(project: pytest.Pytester) -> None:
    kept = world_in_a_file(project)
    child = in_the_middle(project)
    world = FakeWorld.on_disk(kept)
    assert world.node("web1").facts().state is NodeState.KILLED
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    eventually(lambda: world.node("web1").facts().state is NodeState.RUNNING)


def test_ctrl_c_in_the_middle_puts_back_before_pytest_ends(project: pytest.Pytester) -> None:
    kept = world_in_a_file(project)
    child = in_the_middle(project)
    world = FakeWorld.on_disk(kept)
    assert world.node("web1").facts().state is NodeState.KILLED
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == pytest.ExitCode.INTERRUPTED, said.decode()
    assert world.node("web1").facts().state is NodeState.RUNNING
    assert put_back_by(project) == ["runner"]


def test_the_first_failure_that_ends_pytest_puts_back_what_a_fixture_holds(
    project: pytest.Pytester,
) -> None:
    kept = world_in_a_file(project)
    done = run(project, HELD + "def test_next(held):\n    pass\n", "-x")
    done.assert_outcomes(failed=1)
    assert FakeWorld.on_disk(kept).node("web1").facts().state is NodeState.RUNNING
    assert put_back_by(project) == ["runner"]


def test_nothing_heavy_is_loaded_for_a_project_that_injects_nothing(
    project: pytest.Pytester,
) -> None:
    project.makeconftest("")
    done = run(
        project,
        """
        import sys

        def test_it():
            assert not {"docker", "locust", "numpy", "pydantic", "yaml"} & set(sys.modules)
        """,
    )
    done.assert_outcomes(passed=1)
    assert not Path(project.path / "reports").exists()
