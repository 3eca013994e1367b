"""Several processes that send one schedule: exactly the same arrivals, one end for all."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import Course, MakeCourse, Target
from hypothesis import given
from hypothesis import strategies as st
from test_load_course import SIMPLE
from test_load_process import ended

from chaoskit.errors import LoadError
from chaoskit.load.together import together
from chaoskit.load.worker import renumbered
from chaoskit.model.samples import RECORD, Outcome, pack
from chaoskit.model.timeline import LoadFacts, Stall
from chaoskit.run.feed import stored_samples

MIXED = """
from locust import FastHttpUser, task

class Shopper(FastHttpUser):
    @task(3)
    def browse(self):
        self.client.get("/ok", name="browse")

    @task(1)
    def look(self):
        self.client.get("/ok", name=f"look in {self.worker}")
"""


def test_workers_together_send_what_one_would(course: MakeCourse, target: Target) -> None:
    def sent(run: Course) -> list[str]:
        samples = run.end()
        rows = np.sort(samples.rows, order="start")
        assert samples.facts.planned == samples.facts.sent == len(rows)
        np.testing.assert_allclose(rows["start"], run.begin + np.arange(len(rows)) / 60, atol=1e-6)
        return [samples.names[int(index)].split(" ")[0] for index in rows["series"]][:60]

    alone, shared = course(MIXED, rate=60), course(MIXED, rate=60, workers=3)
    for run in (alone, shared):
        run.start()
    shared.until(1.2)
    assert len(set(shared.load.pids)) == 3
    assert sent(alone) == sent(shared)
    stored = stored_samples(shared.folder.parent)
    assert set(stored.names) == {"browse", *(f"look in {worker}" for worker in range(3))}
    assert shared.load.facts().pace == "60/s, by 3 processes"
    assert not any(psutil.pid_exists(pid) for pid in shared.load.pids)


def test_a_worker_that_dies_is_noticed_and_none_is_left(course: MakeCourse) -> None:
    run = course(SIMPLE, rate=20, workers=2)
    run.start()
    run.load.check()
    last = run.load.pids[-1]
    os.kill(last, signal.SIGKILL)
    os.waitid(os.P_PID, last, os.WEXITED | os.WNOWAIT)
    with pytest.raises(LoadError, match=r"ended by itself \(signal 9\)"):
        run.load.check()
    run.load.stop(2.0)
    assert not any(psutil.pid_exists(pid) for pid in run.load.pids)


PARENT = """
import sys, time
from pathlib import Path
from chaoskit.load import LocustLoad
from chaoskit.model.experiment import LoadSpec
from chaoskit.model.system import Outcomes

spec = LoadSpec(locustfile="load.py", rate="20/s", workers=2)
load = LocustLoad(spec, Path(sys.argv[1]), sys.argv[2], Outcomes(), seed=1)
print(*load.prepare(Path(sys.argv[3])), flush=True)
time.sleep(60)
"""


def test_all_workers_end_when_their_parent_is_killed(tmp_path: Path, target: Target) -> None:
    script = tmp_path / "load.py"
    script.write_text(textwrap.dedent(SIMPLE))
    arguments = [str(script), target.url, str(tmp_path / "load")]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert select.select([parent.stdout], [], [], 40)[0]
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
        parent.wait()
        assert len(children) == 2
        assert all(ended(child, within=2.0) for child in children)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 3), st.integers(0, 599)), max_size=20),
    st.permutations(range(4)),
)
def test_only_the_number_of_the_series_changes(
    rows: list[tuple[float, int, int]], series: list[int]
) -> None:
    was = b"".join(pack(start, 0.25, index, Outcome.SHED, status) for start, index, status in rows)
    now = renumbered(bytearray(was), series)
    expected = [(s, lat, series[i], code) for s, lat, i, code in RECORD.iter_unpack(was)]
    assert list(RECORD.iter_unpack(now)) == expected


def test_facts_are_summed_and_the_worst_of_each_kind_is_kept() -> None:
    stall = Stall(begin=5.0, end=5.5, late=1.2)
    one = LoadFacts(
        planned=10, sent=9, unsent=1, lateness_p99=0.2, lateness_p95=0.01, cpu=0.3,
        cpu_highest=0.5, warnings=("both", "mine"), doubts=("killed",), stalls=(stall,),
        lost={"buy": 1, "look": 2},
    )  # fmt: skip
    other = LoadFacts(
        planned=11, sent=11, lateness_p99=0.1, lateness_p95=0.05, cpu=0.9,
        cpu_highest=1.0, saturated=True, causes=("busy",), warnings=("busy", "both"),
        stalls=(), lost={"buy": 3},
    )  # fmt: skip
    assert together([one]) == one
    assert together([one, other]) == LoadFacts(
        planned=21, sent=20, unsent=1, lateness_p99=0.2, lateness_p95=0.05, cpu=0.9,
        cpu_highest=1.0, saturated=True, causes=("worker 1 of 2: busy",),
        warnings=("both", "worker 0 of 2: mine", "worker 1 of 2: busy"),
        doubts=("worker 0 of 2: killed",), stalls=(stall,), lost={"buy": 4, "look": 2},
    )  # fmt: skip
