"""`chaoskit plan` and `chaoskit inject` over a fake world: what is shown, what is refused."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from chaoskit.cli import main, opening
from chaoskit.cli.opening import Choice, Opened
from chaoskit.document import load_system
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import Answer
from chaoskit.run.history import read_timeline
from chaoskit.run.journal import NAME
from chaoskit.run.state import StateRoot
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeProbe, FakeWorld
from tests.run.leftovers import damage
from tests.run.live_run import eventually

SYSTEM = """\
system: stall
entry: {url: "http://127.0.0.1:1"}
tiers:
  web:
    layer: application
    nodes: [web1, web2, web3, web4]
    redundancy: {min: 1, max_share: 60%}
  cache: {layer: cache, nodes: [cache1], roles: {master: cache-master}}
links:
  web -> cache: {proxies: [web-cache1, web-cache2]}
probes:
  cache-master: {command: {run: ["true"]}}
halt_when:
  - {file: incident, why: an incident is open}
ledgers:
  orders: {write: {request: buy, id: {body: id}}, copies: [web1, web2], read: {port: 8080}}
"""
EXPERIMENT = """\
experiment: cache-loss
hypothesis: Browsing goes on
load: {locustfile: load.py, rate: 60/s}
steady_state: [success >= 99%]
phases: {baseline: 30s, fault: 60s, recovery: {within: 20s}}
max_duration: 2m
abort_when: [success < 50% for 10s]
faults:
  - kill: {node: web, count: 1, for: 20s}
  - pause: {node: web, share: 30%, after: 10s}
  - kill: {node: cache, role: master}
  - latency: {link: web -> cache, delay: 80ms, after: 10s, for: 20s}
data_safety: {ledger: orders}
"""


@pytest.fixture
def stall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the system and the experiment; the system runs, as a fake."""
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    (tmp_path / "load.py").touch()
    FakeWorld.of(load_system(tmp_path / "system.yaml"), path=tmp_path / "world.json")

    def opened(system: System, folder: Path, wanted: str = "auto") -> Opened:
        world = FakeWorld.on_disk(tmp_path / "world.json")
        probe = FakeProbe("cache-master", lambda: Answer(True, ("cache1",)))
        target = Target(system, world, {"cache-master": probe})
        choice = Choice("local", "a fake")
        return Opened(target, ("http://127.0.0.1:1",), RuntimeSpec(), choice, folder)

    monkeypatch.setattr(opening, "open_system", opened)
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs one command: its exit code, and all that it said."""

    def made(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out + said.err

    return made


Call = Callable[..., tuple[int, str]]
PAGE = """\
cache-loss: Browsing goes on
  system    stall on local (a fake)
  load      60/s into http://127.0.0.1:1
  phases    baseline 30s, fault 1m, recovery within 20s, then 10s held
  data      each write of orders has to be in web1, web2: read back at the end
  seed      11

  1. kill on web (count 1), at 0s for 20s (unavailable)
     target    {one}
     undo      the node is started
               wanted killed, was running, identity id-{of_one}, incarnation 1

  2. pause on web (share 30%), at 10s for 50s (unavailable)
     target    {other}
     undo      the processes go on where they stood
               wanted frozen, was running, identity id-{of_other}, incarnation 1
     note      30% of 4 nodes is 1.2: 1 taken

  3. kill on cache (role master), at 0s for 1m (unavailable)
     target    cache1
     undo      the node is started
               wanted killed, was running, identity id-5, incarnation 1

  4. latency on web -> cache, at 10s for 20s (unavailable)
     target    web -> cache by proxies web-cache1, web-cache2
     undo      the delay is taken off every carrier
               condition kind latency, delay 0.08, jitter 0
"""
BOUNDS = """\
  hits      web: 2 of 4 (50%) at the same time, allowed 2
            cache: 1 of 1 (100%), that is all of them, at the same time, no limit declared
  takes     236s at worst; no injection is open longer than 2m
  halts on  chaoskit halt, Ctrl-C, SIGTERM, SIGHUP
            file incident exists (an incident is open)
            no answer to one of these, three times in a row
  aborts on all success < 50% for 10s
"""


@pytest.mark.usefixtures("stall")
def test_the_page_shows_targets_undos_what_is_hit_how_long_and_what_stops_it(call: Call) -> None:
    code, said = call("plan", "--seed", "11", "experiment.yaml")
    assert code == 0
    one, other = re.findall(r"target    (web\d)", said)
    assert one != other
    figures = {"one": one, "of_one": one[-1], "other": other, "of_other": other[-1]}
    assert said.startswith(PAGE.format(**figures))
    assert said.endswith(BOUNDS + "\n")


def test_the_page_names_the_probes_and_claims_with_too_few_answers(call: Call, stall: Path) -> None:
    claims = "steady_state: [success >= 99%, cache-master success >= 99%, cache-master p95 < 1s]"
    text = EXPERIMENT.replace("steady_state: [success >= 99%]", claims)
    (stall / "experiment.yaml").write_text(text)
    code, said = call("plan", "experiment.yaml")
    assert code == 0
    assert "  probes    cache-master (command), asked every 1s\n" in said
    few = [line.removeprefix("too few").strip() for line in said.splitlines() if "needs" in line]
    assert [line.removeprefix("too few").strip() for line in map(str.strip, few)] == [
        "cache-master success >= 99% needs 300 answers, the baseline has 30: "
        "ask every 100ms, or make it 5m",
        "cache-master p95 < 1s needs 60 answers, the baseline has 30: "
        "ask every 500ms, or make it 1m",
        "cache-master success >= 99% needs 300 answers, the fault phase has 60: "
        "ask every 200ms, or make it 5m",
        "cache-master success >= 99% needs 300 answers, the hold has 10: make it 5m",
        "cache-master p95 < 1s needs 60 answers, the hold has 10: ask every 100ms, or make it 1m",
    ]


@pytest.mark.usefixtures("stall")
def test_the_page_shows_the_surge_and_a_pool_that_is_too_small_for_it(call: Call) -> None:
    surge = "load.surge={to: 300/s, over: 5s, after: 10s, for: 20s}"
    small = ("--set", "load.in_flight=600", "--set", "load.arrivals=poisson")
    code, said = call("plan", "--set", surge, *small, "experiment.yaml")
    assert code == 0
    assert (
        "  load      60/s at random (Poisson) into http://127.0.0.1:1\n"
        "  surge     to 300/s over 5s, from 10s to 30s of the fault phase, then 60/s again\n"
        "  note      in_flight 600 is less than 300/s × 5s: while answers take their timeout, "
        "arrivals are not sent and fail; raise it to 1500\n"
    ) in said
    assert "in_flight" not in call("plan", "--set", surge, "experiment.yaml")[1]


@pytest.mark.usefixtures("stall")
def test_a_seed_that_was_drawn_can_be_asked_for_again(call: Call) -> None:
    _, drawn = call("plan", "experiment.yaml")
    (line,) = (line for line in drawn.splitlines() if line.startswith("  seed"))
    seed = line.split()[1].rstrip(",")
    assert line.endswith(f"drawn now: --seed {seed} makes the same choices")
    _, again = call("plan", "--seed", seed, "experiment.yaml")
    targets = [text for text in drawn.splitlines() if "target" in text]
    assert [text for text in again.splitlines() if "target" in text] == targets


@pytest.mark.usefixtures("stall")
def test_a_plan_beyond_the_owners_limit_is_one_sentence(call: Call) -> None:
    code, said = call("plan", "--set", "faults.1.share=60%", "experiment.yaml")
    assert code == 2
    assert "experiment.yaml:10:5: web: 3 of 4 nodes (75%) would be hit at the same time" in said
    assert "tiers.web.redundancy.max_share in system.yaml (60% of 4 is 2.4) allows 2" in said


def test_a_secret_is_masked(call: Call, stall: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STALL_INCIDENT", "hunter2")
    text = SYSTEM.replace("file: incident", 'file: "${env:STALL_INCIDENT}"')
    (stall / "system.yaml").write_text(text)
    _, said = call("plan", "experiment.yaml")
    assert "hunter2" not in said
    assert "file *** exists" in said


@pytest.mark.usefixtures("stall")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--for", "20m"),
            "--for 20m is longer than the maximum duration of 10m: "
            "shorten it, or allow it with --max-duration 20m",
        ),
        (("--for", "5s", "--max-duration", "2s"), "allow it with --max-duration 5s"),
        (("--for", "0s"), "--for must be more than 0s"),
        (("--for", "5s", "--max-duration", "2"), "--max-duration: expected a duration"),
    ],
)
def test_by_hand_nothing_is_held_longer_than_the_maximum(
    call: Call, words: tuple[str, ...], said: str
) -> None:
    code, told = call("inject", "kill", "--node", "web1", *words)
    assert code == 2
    assert said in told


@pytest.mark.usefixtures("stall")
def test_a_wrong_argument_is_a_sentence_and_each_has_its_own_line(call: Call) -> None:
    link = ("inject", "latency", "--link", "web -> cache", "--for", "1s")
    code, told = call(*link, "--delay", "soon", "--jitter", "7")
    assert code == 2
    one, other = told.splitlines()
    assert one.startswith("chaoskit: latency: --delay: expected a duration")
    assert other.startswith("latency: --jitter: expected a duration")


def test_a_maximum_that_was_asked_for_is_the_deadline(call: Call, stall: Path) -> None:
    words = ("inject", "kill", "--node", "web1", "--for", "1s", "--max-duration", "2s")
    code, told = call(*words)
    assert code == 0, told
    (folder,) = stall.glob("reports/by-hand/*")
    (held,) = read_timeline(folder).injections
    assert held.deadline is not None
    assert held.begun is not None
    assert held.deadline - held.begun <= 2
    assert held.reverted is not None


@pytest.mark.usefixtures("stall")
def test_by_hand_the_owners_limit_holds(call: Call) -> None:
    code, told = call("inject", "kill", "--node", "web", "--count", "3", "--for", "1s")
    assert code == 2
    assert "web: 3 of 4 nodes (75%) would be hit at the same time" in told


def test_what_is_not_proven_in_force_is_no_success(call: Call, stall: Path) -> None:
    link = ("inject", "latency", "--link", "web -> cache", "--delay", "80ms", "--for", "1s")
    code, told = call(*link)
    assert "latency on web -> cache was NOT proven in force; put back" in told
    assert code == 3
    FakeWorld.on_disk(stall / "world.json").traffic("web -> cache", 3)
    code, told = call(*link)
    assert "latency on web -> cache was proven in force; put back" in told
    assert code == 0
    assert "seed" not in told


def test_a_choice_by_hand_is_made_again_with_its_seed(call: Call, stall: Path) -> None:
    words = ("inject", "kill", "--node", "web", "--count", "1", "--for", "1s")
    code, told = call(*words)
    assert code == 0, told
    (seed,) = re.findall(r"^seed (\d+): --seed \1 makes the same choices$", told, re.MULTILINE)
    (hit,) = re.findall(r"kill on (web\d)", told)
    (folder,) = stall.glob("reports/by-hand/*")
    assert read_timeline(folder).seed == int(seed)
    code, told = call(*words, "--seed", seed)
    assert f"kill on {hit} was proven" in told


def test_a_hook_refuses_what_is_held_by_hand(call: Call, stall: Path) -> None:
    (stall / "incident").touch()
    code, told = call("inject", "kill", "--node", "web1", "--for", "1s")
    assert code == 3
    assert "halted by halt_when, item 1 (file incident exists) (an incident is open)" in told
    assert not list(stall.glob("reports/*/*"))


def test_what_is_not_put_back_comes_before_a_journal_that_cannot_be_read(
    call: Call, stall: Path
) -> None:
    """The real watchdog stands beside it; the record of the kill is damaged while it is held."""
    before = FakeWorld.on_disk(stall / "world.json").fingerprint(["web1"])

    def in_force() -> list[Path]:
        return [p for p in stall.glob("reports/*/*/" + NAME) if '"injected"' in p.read_text()]

    def spoil() -> None:
        (journal,) = eventually("the fault is in force", in_force)
        damage(journal.parent, "id")

    spoiling = threading.Thread(target=spoil)
    spoiling.start()
    code, told = call("inject", "kill", "--node", "web1", "--for", "4s")
    spoiling.join()
    assert code == 4, told
    assert "kill on web1 is not known to be put back: the record with the undo of an" in told
    assert FakeWorld.on_disk(stall / "world.json").fingerprint(["web1"]) == before
    (folder,) = stall.glob("reports/by-hand/*")
    assert StateRoot().open_runs() == [folder]
    code, told = call("inject", "kill", "--node", "web1", "--for", "4s")
    assert code == 4, told
    assert f"chaoskit revert --forget {folder}" in told
