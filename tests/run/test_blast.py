"""The blast radius: counted over time, refused by the plan, and once more before the deed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import PlanError, TargetError
from chaoskit.model.experiment import Place
from chaoskit.model.system import Redundancy, System
from chaoskit.ports import Answer
from tests.run.scene import SYSTEM, Scene, experiment, kill, latency


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def limited(nodes: int = 2, **limits: Any) -> System:
    """The scene's system with `nodes` web nodes under the owner's `limits`."""
    web = SYSTEM.tiers["web"].model_copy(
        update={
            "nodes": tuple(f"web{n}" for n in range(1, nodes + 1)),
            "redundancy": Redundancy.model_validate({"min": 1} | limits),
        }
    )
    return SYSTEM.model_copy(update={"tiers": SYSTEM.tiers | {"web": web}})


def at(fault: dict[str, Any], after: str, lasts: str, **more: Any) -> dict[str, Any]:
    return fault | {"after": after, "lasts": lasts} | more


def refusal(scene: Scene) -> str:
    with pytest.raises(PlanError) as error:
        scene.plan()
    (sentence,) = error.value.problems
    return sentence


def scene_of(folder: Path, system: System, faults: list[dict[str, Any]], **more: Any) -> Scene:
    return Scene(folder, experiment(faults=faults, **more), system)


BOTH = [kill("web1"), kill("web2")]


def test_more_than_the_owner_allows_is_refused_and_says_which_limit_of_which_file(
    tmp_path: Path,
) -> None:
    assert refusal(scene_of(tmp_path, limited(max_nodes=1), BOTH)) == (
        "web: 2 of 2 nodes (100%), that is all of them, would be hit at the same time, but "
        "tiers.web.redundancy.max_nodes in system.yaml allows 1: "
        "hit fewer or one after the other, or raise that limit"
    )


def test_a_share_is_rounded_down_and_says_from_what(tmp_path: Path) -> None:
    sentence = refusal(scene_of(tmp_path, limited(3, max_share="50%"), BOTH))
    assert "2 of 3 nodes (66.7%) would be hit" in sentence
    assert "max_share in system.yaml (50% of 3 is 1.5) allows 1" in sentence


def test_a_share_that_allows_none_says_so(tmp_path: Path) -> None:
    sentence = refusal(scene_of(tmp_path, limited(max_share="30%"), [kill("web1")]))
    assert "max_share in system.yaml (30% of 2 is 0.6) allows none" in sentence


def test_an_experiment_may_narrow_and_is_named_with_its_file_and_place(tmp_path: Path) -> None:
    faults = [one | {"place": Place("games/loss.yaml", 9, 5)} for one in BOTH]
    narrowed = scene_of(tmp_path, limited(), faults, blast_radius={"max_nodes": 1})
    sentence = refusal(narrowed)
    assert sentence.startswith("games/loss.yaml:9:5: web: 2 of 2 nodes")
    assert "blast_radius.max_nodes in loss.yaml allows 1" in sentence


def test_an_experiment_cannot_widen_what_the_owner_allows(tmp_path: Path) -> None:
    wide = {"max_nodes": 5, "max_share": "100%"}
    sentence = refusal(scene_of(tmp_path, limited(max_nodes=1), BOTH, blast_radius=wide))
    assert "tiers.web.redundancy.max_nodes in system.yaml allows 1" in sentence


@pytest.mark.parametrize(
    ("one", "other", "most"),
    [
        (at(kill("web1"), "0s", "10s"), at(kill("web2"), "5s", "10s"), 2),
        (at(kill("web1"), "0s", "10s"), at(kill("web2"), "10s", "10s"), 1),
        (at(kill("web1"), "0s", "10s"), at(kill("web1"), "15s", "10s"), 1),
        (kill("web1"), kill("cache", role="master"), 1),
        (kill("web1"), latency("web -> cache"), 1),
        (kill("web", count=1), at(kill("web2"), "5s", "10s"), 2),
    ],
)
def test_what_overlaps_in_time_counts_together(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any], most: int
) -> None:
    hits = {hit.tier: hit for hit in scene_of(tmp_path, SYSTEM, [one, other]).plan().hits}
    assert hits["web"].nodes == most


def test_a_plan_tells_for_every_group_how_many_of_how_many(tmp_path: Path) -> None:
    faults = [kill("web1"), kill("cache", role="master"), latency("web -> cache")]
    hits = scene_of(tmp_path, limited(max_nodes=1), faults).plan().hits
    assert [str(hit) for hit in hits] == [
        "web: 1 of 2 (50%) at the same time, allowed 1",
        "cache: 1 of 2 (50%) at the same time, no limit declared",
    ]


def test_one_after_the_other_is_within_the_radius_in_the_run_too(tmp_path: Path) -> None:
    # The later one stands first: what ends at the same moment must be put back before it.
    faults = [at(kill("web2"), "10s", "10s"), at(kill("web1"), "0s", "10s")]
    scene = scene_of(tmp_path, limited(max_nodes=1), faults)
    timeline = scene.run()
    assert scene.error is None
    assert [i.point for i in timeline.injections] == ["web1", "web2"]


def test_a_node_that_does_not_come_back_counts_before_the_next_is_hit(tmp_path: Path) -> None:
    faults = [at(kill("web1"), "0s", "5s"), at(kill("web2"), "10s", "5s")]
    scene = scene_of(tmp_path, limited(max_nodes=1), faults)

    def refuse_the_undo(step: str) -> None:
        if step == "after kill web1":
            scene.world.fail_next("reach", TargetError("the engine said 500"))

    scene.world.on_call = refuse_the_undo
    timeline = scene.run()
    assert isinstance(scene.error, PlanError)
    assert "2 of 2 nodes (100%), that is all of them, would be hit" in str(scene.error)
    assert [i.point for i in timeline.injections] == ["web1"]
    assert set(scene.states.values()) == {"running"}


@pytest.mark.parametrize("seed", range(3))
def test_a_run_chooses_what_the_plan_with_its_seed_chose(tmp_path: Path, seed: int) -> None:
    faults = [
        at(kill("web", count=1), "0s", "10s"),
        at(kill("web", share="50%"), "15s", "10s"),
    ]
    scene = scene_of(tmp_path, limited(4), faults, seed=seed)
    scene.seed = seed
    planned = [point for step in scene.plan().steps for point in step.preview]
    assert [i.point for i in scene.run().injections] == planned


@pytest.mark.parametrize("seed", range(3))
def test_two_choices_that_are_open_at_once_never_meet(tmp_path: Path, seed: int) -> None:
    pause = {"name": "pause", "selection": {"node": "web", "share": "25%"}}
    faults = [
        at(kill("web", count=1), "0s", "20s"),
        at(pause, "0s", "20s"),
        at(kill("web4"), "5s", "9s"),
    ]
    scene = scene_of(tmp_path, limited(4), faults)
    scene.seed = seed
    planned = [point for step in scene.plan().steps for point in step.preview]
    assert len(set(planned)) == 3
    assert sorted(i.point for i in scene.run().injections) == sorted(planned)


def test_seeds_differ(tmp_path: Path) -> None:
    chosen = set()
    for seed in range(8):
        scene = scene_of(tmp_path, limited(4), [kill("web", count=1)])
        scene.seed = seed
        chosen |= set(scene.plan().steps[0].preview)
    assert len(chosen) > 1


@pytest.mark.parametrize(
    ("nodes", "selection", "note"),
    [
        (2, {"share": "30%"}, "30% of 2 nodes is 0.6: 1 taken, as a share never rounds to none"),
        (3, {"share": "50%"}, "50% of 3 nodes is 1.5: 1 taken"),
        (2, {"share": "50%"}, "50% of 2 nodes is 1: 1 taken"),
        (2, {"share": "100%"}, "100% of 2 nodes is 2: 2 taken, that is all of them"),
        (1, {"share": "50%"},
         "50% of 1 node is 0.5: 1 taken, as a share never rounds to none, that is all of them"),
        (2, {"count": 2}, "2 of 2 taken, that is all of them"),
        (2, {"count": 1}, ""),
    ],
)  # fmt: skip
def test_a_choice_says_the_exact_figure_and_when_it_is_all(
    tmp_path: Path, nodes: int, selection: dict[str, Any], note: str
) -> None:
    (step,) = scene_of(tmp_path, limited(nodes), [kill("web", **selection)]).plan().steps
    assert step.note == note


def test_all_that_are_not_protected_says_so(tmp_path: Path) -> None:
    system = limited(3).model_copy(update={"protected": ("web1",)})
    (step,) = scene_of(tmp_path, system, [kill("web", share="70%")]).plan().steps
    assert step.preview == ("web2", "web3")
    assert step.note == "70% of 3 nodes is 2.1: 2 taken, that is all that are not protected"


# The longest that anything may be open --------------------------------------------------------


@pytest.mark.parametrize(
    ("lasts", "said"),
    [
        ("20s", "kill may be open for 15s at most, its 'for' is 20s"),
        (None, "kill may be open for 15s at most, the fault phase it fills leaves it 30s"),
    ],
)
def test_a_fault_beyond_the_maximum_duration_is_refused(
    scene: Scene, lasts: str | None, said: str
) -> None:
    scene.plan_for = experiment(faults=[kill("web1") | {"lasts": lasts}], max_duration="15s")
    sentence = refusal(scene)
    assert sentence == f"{said}: shorten it, or raise max_duration in the experiment"


def test_what_is_found_only_when_the_fault_would_be_over_is_not_injected(scene: Scene) -> None:
    begun: list[float] = []

    def master() -> Answer:
        if any(moment.phase == "fault" for moment in scene.moments) and not begun:
            begun.append(scene.clock.now())
        torn = begun and scene.clock.now() < begun[0] + 8
        return Answer(True, ("cache1", "cache2") if torn else ("cache1",))

    scene.master = master
    scene.plan_for = experiment(faults=[at(kill("cache", role="master"), "5s", "3s")])
    timeline = scene.run()
    assert "its targets were known only when its time was over" in str(scene.error)
    assert timeline.injections == ()


@pytest.mark.parametrize("maximum", ["30s", "30500ms", "10m"])
def test_no_deadline_in_the_journal_exceeds_the_maximum_duration(
    scene: Scene, maximum: str
) -> None:
    faults = [kill("web1"), at(kill("web2"), "5s", "10s")]
    scene.plan_for = experiment(faults=faults, max_duration=maximum)
    injections = scene.run().injections
    assert len(injections) == 2
    for one in injections:
        assert one.deadline is not None
        assert one.begun is not None
        assert one.deadline - one.begun <= scene.plan_for.max_duration
