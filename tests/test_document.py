"""Good documents: typed, bound to their system and load script, from files and folders."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.document import Bound, load_experiment, load_experiments
from chaoskit.errors import DocumentError
from chaoskit.model.experiment import BlastRadius, Experiment, Place
from chaoskit.model.system import System
from chaoskit.units import Duration, Rate, Ratio

DOCUMENTS = Path(__file__).parent / "documents"
GOOD = DOCUMENTS / "good"
MINIMAL = """\
experiment: {name}
hypothesis: It holds
load: {{locustfile: load.py, rate: 60/s}}
steady_state: [success >= 99%]
phases: {{baseline: 30s, fault: 60s, recovery: {{within: 20s}}}}
"""


def told(call, *args, **kwargs) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        call(*args, **kwargs)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def house(tmp_path, monkeypatch) -> Path:
    """A folder with the sample system, to write experiments into; the current folder."""
    shutil.copytree(DOCUMENTS / "shop", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, name: str = "minimal", more: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MINIMAL.format(name=name) + more)
    return path


def test_an_experiment_is_read_by_its_declared_types():
    bound = load_experiment(GOOD / "everything.yaml")
    made = bound.experiment
    assert made.tags == ("on", "no", "22:30", "012")
    assert made.hypothesis == "Every key once,\nand both ways to write each.\n"
    assert made.load.rate == Rate(1.5)
    assert made.load.in_flight == 200
    assert made.phases.baseline == made.phases.fault == Duration(60)
    assert made.steady_state[2].series == "note: x"
    assert made.seed == 7
    assert made.max_duration == Duration(120)
    assert made.blast_radius == BlastRadius(max_nodes=2, max_share=Ratio(0.7))
    assert made.allow_irreversible is False
    assert bound.system.system == "shop"
    assert bound.locustfile == DOCUMENTS / "shop" / "load.py"
    assert bound.system_path == DOCUMENTS / "shop" / "system.yaml"


def test_a_fault_is_split_into_selection_timing_and_arguments():
    path = GOOD / "cache-loss.yaml"
    kill, latency = load_experiment(path).experiment.faults
    assert (kill.name, str(kill.selection)) == ("kill", "cache (role master)")
    assert (kill.arguments, kill.after, kill.lasts) == ({}, Duration(0), None)
    assert latency.selection.link == "catalog -> database"
    assert latency.arguments == {"delay": "80ms", "jitter": "20ms"}
    assert (latency.after, latency.lasts) == (Duration(10), Duration(20))
    assert (latency.place.line, latency.place.column) == (15, 5)
    share = load_experiment(GOOD / "everything.yaml").experiment.faults[2]
    assert share.selection.share == Ratio(0.5)


def test_places_are_relative_to_the_current_folder(house):
    path = write(house / "deep" / "one.yaml", more="faults: [kill: {node: web1}]\n")
    assert load_experiment(path).experiment.faults[0].place == Place("deep/one.yaml", 6, 10)


class TestFindingTheSystem:
    def test_the_nearest_upwards(self, house):
        shutil.copytree(house, house / "inner", ignore=shutil.ignore_patterns("inner"))
        path = write(house / "inner" / "a" / "b" / "one.yaml")
        assert load_experiment(path).system_path == house / "inner" / "system.yaml"

    def test_the_nearest_of_that_name(self, house):
        inner = house / "inner" / "system.yaml"
        inner.parent.mkdir()
        inner.write_text((house / "system.yaml").read_text().replace(": shop\n", ": stall\n", 1))
        path = write(house / "inner" / "one.yaml", more="system: shop\n")
        assert load_experiment(path).system_path == house / "system.yaml"

    def test_an_unknown_name_is_told_with_those_passed(self, house):
        path = write(house / "one.yaml", more="system: shpo\n")
        assert told(load_experiment, path) == [
            "one.yaml:6:9: no system.yaml beside the experiment or above it has the name 'shpo' "
            "(did you mean 'shop'?)"
        ]

    def test_a_path(self, house):
        path = write(house / "a" / "one.yaml", more="system: ../other.yaml\n")
        shutil.copy(house / "system.yaml", house / "other.yaml")
        assert load_experiment(path).system_path == house / "other.yaml"
        path = write(house / "a" / "one.yaml", more="system: ../gone.yaml\n")
        assert told(load_experiment, path) == [
            "a/one.yaml:6:9: there is no file '../gone.yaml' beside the experiment"
        ]

    def test_the_argument_wins(self, house, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        path = write(elsewhere / "one.yaml")
        bound = load_experiment(path, system_path=house / "system.yaml")
        assert bound.system_path == house / "system.yaml"

    def test_none_at_all(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "load.py").touch()
        assert told(load_experiment, write(tmp_path / "one.yaml")) == [
            "one.yaml:1:1: no system.yaml beside the experiment or above it "
            "(put one there, or name it: system: path/to/system.yaml)"
        ]

    def test_its_problems_come_once_and_with_the_experiments(self, house):
        system = house / "system.yaml"
        system.write_text(system.read_text().replace("layer: access", "layer: acess"))
        paths = [write(house / f"{n}.yaml", n, "colour: red\n") for n in ("one", "two")]
        problems = told(load_experiments, paths)
        assert [p.split(": ")[0] for p in problems] == [
            "one.yaml:6:1",
            "system.yaml:5:12",
            "two.yaml:6:1",
        ]


class TestLoadScript:
    def test_beside_the_experiment_comes_first(self, house):
        path = write(house / "a" / "one.yaml")
        assert load_experiment(path).locustfile == house / "load.py"
        (house / "a" / "load.py").touch()
        assert load_experiment(path).locustfile == house / "a" / "load.py"

    def test_a_missing_one_is_told_at_its_place(self, house):
        path = house / "one.yaml"
        path.write_text(MINIMAL.format(name="one").replace("load.py", "laod.py"))
        assert told(load_experiment, path) == [
            "one.yaml:3:20: there is no 'laod.py' beside the experiment or beside system.yaml "
            "(did you mean 'load.py'?)"
        ]


class TestFilesAndFolders:
    def test_a_folder_is_searched_and_systems_are_left_out(self, house):
        for name in ("b", "a", "deep/c", ".hidden/d"):
            write(house / f"{name}.yaml", Path(name).name)
        (house / "compose.yaml").write_text("services: {web: &web {image: x}}\n")
        found = load_experiments([house, house / "a.yaml"])
        assert [bound.experiment.experiment for bound in found] == ["a", "b", "c"]

    def test_a_misspelt_or_broken_experiment_in_a_folder_is_not_lost(self, house):
        path = write(house / "misspelt.yaml")
        path.write_text(path.read_text().replace("experiment:", "experimnt:"))
        (house / "broken.yaml").write_text("experiment: [\n")
        problems = told(load_experiments, [house])
        assert problems[0].startswith("broken.yaml:2:1: bad YAML")
        assert problems[1:] == [
            "misspelt.yaml:1:1: unknown key 'experimnt' (did you mean 'experiment'?)"
        ]

    def test_missing_paths_and_empty_folders(self, house):
        write(house / "one.yaml")
        (house / "empty").mkdir()
        assert told(load_experiments, [house / "on.yaml", house / "empty"]) == [
            "empty:1:1: no experiment in this folder "
            "(an experiment is a *.yaml file that begins with 'experiment: <name>')",
            "on.yaml:1:1: there is no such file or folder (did you mean 'one.yaml'?)",
        ]

    def test_tags_choose(self, house):
        write(house / "one.yaml", "one", "tags: [cache, slow]\n")
        write(house / "two.yaml", "two", "tags: [database]\n")
        write(house / "three.yaml", "three")

        def chosen(*tags: str) -> list[str]:
            found: list[Bound] = load_experiments([house], tags=tags)
            return [bound.experiment.experiment for bound in found]

        assert chosen() == ["one", "three", "two"]
        assert chosen("cache") == ["one"]
        assert chosen("database", "slow") == ["one", "two"]
        assert told(load_experiments, [house], tags=["cahce"]) == [
            "--tag cahce:1:1: no experiment has this tag (did you mean 'cache'?)"
        ]


class TestSettings:
    FAULT = "faults:\n  - latency: {link: web -> catalog, delay: 80ms}\n"

    def loaded(self, house: Path, **settings: str) -> Bound:
        path = write(house / "one.yaml", more=self.FAULT)
        return load_experiment(
            path, settings={k.replace("__", "."): v for k, v in settings.items()}
        )

    def test_dotted_keys_replace_and_add(self, house):
        bound = self.loaded(
            house, load__rate="30/s", phases__fault="10s", faults__0__delay="10ms",
            faults__0__latency__jitter="5ms", data_safety__ledger="orders", tags="[a, b]",
        )  # fmt: skip
        made = bound.experiment
        assert made.load.rate == Rate(30)
        assert made.phases.fault == Duration(10)
        assert made.faults[0].arguments == {"delay": "10ms", "jitter": "5ms"}
        assert made.data_safety is not None
        assert made.data_safety.ledger == "orders"
        assert made.tags == ("a", "b")

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("load.rate", "30", "expected a rate such as 60/s, got '30' (did you mean 30/s?)"),
            ("load.rat", "30/s", "unknown key 'rat' (did you mean 'rate'?)"),
            ("faults.1.x", "1s", "one.yaml: 'faults' has no item 1; there are 1, counted from 0"),
            ("faults.x", "1s", "one.yaml: 'faults' has no item x; there are 1, counted from 0"),
            ("hypothesis.x", "1s", "one.yaml: 'hypothesis' is text and has no 'x'"),
            (
                "faults.0.link",
                "web -> cat",
                "'shop' has no link 'web -> cat' (did you mean 'web -> catalog'?)",
            ),
            ("tags", "[a", "expected a list, got '[a' (write [[a])"),
            ("load.rate", "0/s", "'rate' must be more than 0/s"),
        ],
    )  # fmt: skip
    def test_problems_name_the_setting(self, house, key, value, said):
        path = write(house / "one.yaml", more=self.FAULT)
        problems = told(load_experiment, path, settings={key: value})
        assert problems == [f"--set {key}:1:1: {said}"]

    def test_a_broken_list_is_one_problem(self, house):
        path = write(house / "one.yaml")
        assert told(load_experiment, path, settings={"tags": "[a, b: c: d]"}) == [
            "--set tags:1:9: bad YAML: expected ',' or ']', but got ':'"
        ]


class TestEnvironment:
    def loaded(self, house: Path, rate: str) -> Bound:
        path = house / "one.yaml"
        path.write_text(MINIMAL.format(name="one").replace("60/s", f'"{rate}"'))
        return load_experiment(path)

    def test_what_comes_without_a_default_is_a_secret(self, house, monkeypatch):
        monkeypatch.setenv("RATE", "31")
        bound = self.loaded(house, "${env:RATE}/s")
        assert bound.experiment.load.rate == Rate(31)
        assert bound.secrets == ("31",)

    def test_a_default_is_no_secret(self, house, monkeypatch):
        monkeypatch.delenv("RATE", raising=False)
        bound = self.loaded(house, "${env:RATE:-12/s}")
        assert (bound.experiment.load.rate, bound.secrets) == (Rate(12), ())
        monkeypatch.setenv("RATE", "13/s")
        assert self.loaded(house, "${env:RATE:-12/s}").experiment.load.rate == Rate(13)

    def test_an_unset_variable_is_the_only_problem_of_its_value(self, house, monkeypatch):
        monkeypatch.delenv("RATE", raising=False)
        assert told(self.loaded, house, "${env:RATE}") == [
            "one.yaml:3:35: environment variable 'RATE' is not set "
            "(export it, or give a default: ${env:RATE:-…})"
        ]
        assert told(self.loaded, house, "${env:RATE") == [
            "one.yaml:3:35: '${env:RATE' is not a reference "
            "(write ${env:NAME} or ${env:NAME:-default})"
        ]

    def test_a_secret_is_never_shown_in_a_problem(self, house, monkeypatch):
        monkeypatch.setenv("RATE", "hunter2")
        assert told(self.loaded, house, "${env:RATE}") == [
            "one.yaml:3:35: expected a rate such as 60/s, got '${env:RATE}'"
        ]


@pytest.mark.parametrize("name", ["cache-loss", "everything"])
def test_models_survive_json(name):
    bound = load_experiment(GOOD / f"{name}.yaml")
    assert Experiment.model_validate_json(bound.experiment.model_dump_json()) == bound.experiment
    assert System.model_validate_json(bound.system.model_dump_json()) == bound.system


def test_nothing_heavy_is_imported():
    heavy = "docker locust numpy matplotlib jinja2 requests toxiproxy rich"
    code = (
        "import sys, chaoskit.document, chaoskit.schema\n"
        f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
