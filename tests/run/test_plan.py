"""The plan: previews, refusals, seeds and the quick form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import PlanError
from chaoskit.faults import find, registry
from chaoskit.ports import NodeState
from chaoskit.run.plan import Plan
from tests.run.scene import Scene, experiment, kill, latency


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_plan_previews_targets_and_undos_and_changes_nothing(scene: Scene) -> None:
    before = scene.world.fingerprint(["web1", "cache1", "web -> cache"])
    plan = scene.plan()
    (step,) = plan.steps
    assert step.preview == ("cache1",)
    assert step.undos[0]["node"] == "cache1"
    assert scene.world.fingerprint(["web1", "cache1", "web -> cache"]) == before


def test_a_plan_survives_its_file(scene: Scene) -> None:
    plan = scene.plan()
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_a_role_may_move_so_the_whole_tier_is_fingerprinted(scene: Scene) -> None:
    assert set(scene.plan().points) == {"cache1", "cache2"}


def test_the_same_seed_chooses_the_same_node(scene: Scene) -> None:
    scene.plan_for = experiment(faults=[kill("web", count=1)])
    assert scene.plan().steps[0].preview == scene.plan().steps[0].preview


def test_a_rounded_share_says_so(scene: Scene) -> None:
    scene.plan_for = experiment(faults=[kill("web", share="30%")])
    (step,) = scene.plan().steps
    assert len(step.preview) == 1
    assert "30% of 2 nodes is 0.6: 1 taken" in step.note


def test_more_than_there_is_cannot_be_planned(scene: Scene) -> None:
    scene.world.node("web1").reach(NodeState.KILLED)
    scene.plan_for = experiment(faults=[kill("web", count=2)])
    with pytest.raises(PlanError, match="2 node\\(s\\) wanted, 1 running"):
        scene.plan()


def test_protected_nodes_are_never_touched(scene: Scene) -> None:
    scene.system = scene.system.model_copy(update={"protected": ("web",)})
    scene.plan_for = experiment(faults=[kill("web1")])
    with pytest.raises(PlanError, match="web1 is protected"):
        scene.plan()


@pytest.mark.parametrize("use", [kill("web1"), kill("web")])
def test_the_node_that_carries_the_proxies_is_never_touched(scene: Scene, use: Any) -> None:
    """What puts a link back would be down itself."""
    scene.world.put_proxies_in("web1")
    scene.plan_for = experiment(faults=[use, latency("web -> cache")])
    with pytest.raises(PlanError, match="web1 carries the proxies of the links"):
        scene.plan()
    scene.plan_for = experiment(faults=[kill("web2"), latency("web -> cache")])
    assert scene.plan().steps[0].preview == ("web2",)
    scene.system = scene.system.model_copy(update={"protected": ("web1",)})
    scene.plan_for = experiment(faults=[kill("web")])
    assert scene.plan().steps[0].preview == ("web2",)


def test_what_cannot_be_undone_is_refused_until_the_experiment_allows_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._REGISTRY, "kill", replace(find("kill"), irreversible=True))
    scene.plan_for = experiment(faults=[kill("web1"), latency("web -> cache")])
    with pytest.raises(PlanError, match=r"kill cannot be undone.*allow_irreversible: true"):
        scene.plan()
    scene.plan_for = scene.plan_for.model_copy(update={"allow_irreversible": True})
    assert [step.irreversible for step in scene.plan().steps] == [True, False]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (kill("web1"), kill("web1")),
        (kill("web1"), {"name": "pause", "selection": {"node": "web1"}}),
        (latency("web -> cache"), {"name": "cut", "selection": {"link": "web -> cache/cache1"}}),
        (kill("cache", role="master"), kill("cache", role="master")),
    ],
)
def test_two_faults_on_one_aspect_of_one_point_overlap(
    scene: Scene, one: dict[str, object], other: dict[str, object]
) -> None:
    scene.plan_for = experiment(faults=[one, other])
    with pytest.raises(PlanError, match="overlaps with"):
        scene.plan()


def test_the_same_faults_one_after_the_other_do_not_overlap(scene: Scene) -> None:
    scene.plan_for = experiment(
        faults=[kill("web1") | {"lasts": "10s"}, kill("web1") | {"after": "15s", "lasts": "5s"}]
    )
    assert len(scene.plan().steps) == 2


def test_quick_shortens_phases_and_never_the_claim(scene: Scene) -> None:
    plan = scene.plan(quick=True)
    phases = plan.experiment.phases
    assert (phases.baseline, phases.fault) == (10, 15)
    assert phases.recovery == scene.plan_for.phases.recovery
    assert plan.quick


def test_every_reason_is_given_at_once(scene: Scene) -> None:
    scene.system = scene.system.model_copy(update={"protected": ("web1", "cache2")})
    scene.plan_for = experiment(faults=[kill("web1"), kill("cache2")])
    with pytest.raises(PlanError) as error:
        scene.plan()
    assert len(error.value.problems) == 2


def test_protected_members_are_left_out_of_the_choice(scene: Scene) -> None:
    scene.system = scene.system.model_copy(update={"protected": ("web1",)})
    scene.plan_for = experiment(faults=[kill("web", count=1)])
    assert scene.plan().steps[0].preview == ("web2",)


def test_a_promise_that_nothing_judges_is_refused(scene: Scene) -> None:
    scene.plan_for = experiment(data_safety={"ledger": "orders"})
    with pytest.raises(PlanError, match="shop declares no ledger 'orders'"):
        scene.plan()
