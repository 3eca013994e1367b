"""The child process: how it fails, how it ends, and what it leaves."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest
from conftest import MakeCourse, Target
from test_load_course import SIMPLE

from chaoskit.errors import LoadError
from chaoskit.model.samples import RECORD, Outcome
from chaoskit.ports import Load

BROKEN = {
    "raises": ("x = 1\nx['a']\n", r"load\.py:2: the load script failed: TypeError: .*"),
    "syntax": ("def f(:\n    pass\n", r"load\.py:1: the load script failed: SyntaxError: .*"),
    "exits": ("raise SystemExit(4)\n", r"ended by itself \(exit code 4\).*"),
    "no class": ("x = 1\n", r"load\.py: no user class; .*"),
    "no task": (
        "from locust import HttpUser\nclass A(HttpUser):\n    pass\n",
        r"load\.py: class A has no task; .*",
    ),
    "nested": (
        "from locust import HttpUser, TaskSet, task\nclass A(HttpUser):\n    @task\n"
        "    class B(TaskSet):\n        @task\n        def c(self): pass\n",
        r"nested TaskSet B cannot run open-loop; .*",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_script_is_one_clear_line(course: MakeCourse, kind: str) -> None:
    script, message = BROKEN[kind]
    run = course(script)
    with pytest.raises(LoadError, match=message) as caught:
        run.load.start(run.folder, time.monotonic() + 30)
    assert "\n" not in str(caught.value)
    run.load.stop()


def test_a_host_that_does_not_resolve_is_named(course: MakeCourse) -> None:
    run = course(SIMPLE, host="http://no-such-host.invalid")
    with pytest.raises(LoadError, match=r"no-such-host\.invalid does not resolve"):
        run.load.start(run.folder, time.monotonic() + 30)


def test_a_missing_script_and_too_little_time_are_refused(
    course: MakeCourse, tmp_path: Path
) -> None:
    run = course(SIMPLE)
    with pytest.raises(LoadError, match=r"not ready .* more time before the first arrival"):
        run.load.start(run.folder, time.monotonic() + 0.05)
    gone = course(SIMPLE)
    (gone.folder.parent / "load.py").unlink()
    with pytest.raises(LoadError, match="no such load script"):
        gone.load.start(gone.folder, time.monotonic() + 30)


def test_it_is_a_load_and_keeps_locust_out_of_this_process() -> None:
    code = (
        "import sys, chaoskit.load\n"
        "print([m for m in ('locust', 'gevent', 'numpy') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_stopping_twice_and_before_the_start_is_fine(course: MakeCourse) -> None:
    run = course(SIMPLE, rate=20)
    load: Load = run.load
    load.stop()
    run.start()
    pid = run.load.pid
    assert pid is not None
    load.stop(1.0)
    load.stop(1.0)
    load.check()
    assert not psutil.pid_exists(pid)


def test_what_was_read_is_not_read_again(course: MakeCourse) -> None:
    run = course(SIMPLE, rate=100)
    run.start()
    run.until(0.8)
    early, names = run.load.read()
    assert names == ("/ok",)
    run.until(1.2)
    run.load.stop(2.0)
    late, _ = run.load.read()
    assert len(early) % RECORD.size == len(late) % RECORD.size == 0
    # Flushed at least every 250 ms: of 0.8 s at most the last ones may be missing.
    assert len(early) // RECORD.size >= 50
    assert (len(early) + len(late)) // RECORD.size == run.load.facts().planned
    assert run.load.read()[0] == b""


def test_a_killed_child_is_noticed_and_its_records_stay_whole(course: MakeCourse) -> None:
    run = course(SIMPLE, rate=150)
    run.start()
    run.until(0.6)
    assert run.load.pid is not None
    os.kill(run.load.pid, signal.SIGKILL)
    os.waitid(os.P_PID, run.load.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(LoadError, match=r"ended by itself \(signal 9\)"):
        run.load.check()
    with (run.folder / "worker-0.bin").open("ab") as torn:
        torn.write(b"torn")
    records, names = run.load.read()
    assert len(records) % RECORD.size == 0
    assert len(records) // RECORD.size >= 40
    assert {series for _, _, series, _ in RECORD.iter_unpack(records)} == {0}
    assert names == ("/ok",)
    run.load.stop()
    with pytest.raises(LoadError):
        run.load.check()
    (doubt,) = run.load.facts().doubts
    assert "last samples are missing: the load generator ended by itself (signal 9)" in doubt


def test_a_frozen_child_is_ended_within_the_grace(course: MakeCourse) -> None:
    run = course(SIMPLE)
    run.start()
    assert run.load.pid is not None
    os.kill(run.load.pid, signal.SIGSTOP)
    asked = time.monotonic()
    run.load.stop(0.5)
    assert time.monotonic() - asked < 1.5
    (doubt,) = run.load.facts().doubts
    assert doubt.startswith("the load's last samples are missing: ")
    assert doubt.endswith("did not end in its grace and was killed")
    assert not psutil.pid_exists(run.load.pid)


def test_it_may_be_started_from_a_thread_that_ends(course: MakeCourse, target: Target) -> None:
    run = course(SIMPLE, rate=50)
    worker = threading.Thread(target=run.load.prepare, args=(run.folder,))
    worker.start()
    worker.join()
    run.begin = time.monotonic() + 0.2
    run.load.start(run.folder, run.begin)
    run.until(0.4)
    run.load.check()
    assert len(run.end().rows) >= 15


PARENT = """
import sys, time
from pathlib import Path
from chaoskit.load import LocustLoad
from chaoskit.model.experiment import LoadSpec
from chaoskit.model.system import Outcomes

spec = LoadSpec(locustfile="load.py", rate="20/s")
load = LocustLoad(spec, Path(sys.argv[1]), sys.argv[2], Outcomes(), seed=1)
{start}
print(load.pid, flush=True)
time.sleep(60)
"""
STARTS = {
    "main thread": "load.start(Path(sys.argv[3]), time.monotonic() + 30)",
    # Neither the thread's end may end the child, nor a fork that holds the pipe open keep it.
    "pool, and a forked sibling": (
        "import os\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1) as pool:\n"
        "    pool.submit(load.start, Path(sys.argv[3]), time.monotonic() + 30).result()\n"
        "if os.fork() == 0:\n    os.close(1)\n    time.sleep(4)\n    os._exit(0)"
    ),
}


def ended(process: psutil.Process, within: float) -> bool:
    """Ended, whether or not whoever inherited it has reaped it already."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("how", STARTS)
def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path, target: Target, how: str) -> None:
    script = tmp_path / "load.py"
    script.write_text(textwrap.dedent(SIMPLE))
    arguments = [str(script), target.url, str(tmp_path / "load")]
    code = PARENT.format(start=STARTS[how])
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert select.select([parent.stdout], [], [], 15)[0]
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        assert ended(child, within=2.0)


def test_who_waits_for_the_last_answers_can_be_hurried(course: MakeCourse, target: Target) -> None:
    run = course(SIMPLE, rate=20, timeout="60s")
    run.start()
    target.thaw.clear()
    run.until(0.5)
    patient = threading.Thread(target=run.load.stop, args=(60.0,))
    patient.start()
    time.sleep(0.3)
    asked = time.monotonic()
    samples = run.end(grace=2.0)
    assert time.monotonic() - asked < 3.0
    patient.join(5)
    assert not patient.is_alive()
    assert samples.facts.planned == len(samples.rows)
    assert Outcome.FAILED in samples.outcomes("/ok")
    assert not samples.facts.doubts
