"""Faults against the system and the phases: does the point exist, may it be touched, does it fit?

Pure checks on typed values; nothing here asks a running system.
"""

from __future__ import annotations

from chaoskit.document.binding import node_at
from chaoskit.document.faultlist import BoundFault
from chaoskit.document.nearest import meant
from chaoskit.document.tree import Problems, Tree
from chaoskit.model.experiment import Experiment
from chaoskit.model.surge import Surge
from chaoskit.model.system import System
from chaoskit.units import Duration


def check_timing(fault: BoundFault, phase: Duration, problems: Problems) -> None:
    """The fault begins and ends inside the fault phase."""
    after, lasts = fault.use.after, fault.use.lasts
    if after >= phase:
        said = f"'{fault.use.name}' would begin at {after}, but the fault phase lasts {phase}"
        problems.add(fault.place_of("after"), said, "begin earlier, or make the phase longer")
    elif lasts is not None and not lasts:
        problems.add(
            fault.place_of("for"), "a fault must last longer than 0s", "or leave 'for' out"
        )
    elif lasts is not None and after + lasts > phase:
        end = Duration(after + lasts)
        said = f"'{fault.use.name}' would end at {end}, but the fault phase lasts {phase}"
        hint = f"at most for: {Duration(phase - after)}, or make the phase longer"
        problems.add(fault.place_of("for"), said, hint)


def check_surge(load: Tree, surge: Surge, phase: Duration, problems: Problems) -> None:
    """The surge begins, reaches its last rate and ends inside the fault phase."""
    reached = Duration(surge.after + surge.rises)
    ends = reached if surge.lasts is None else Duration(surge.after + surge.lasts)
    if surge.lasts is None and reached >= phase:
        said = f"the surge would reach its last rate at {reached}"
    elif ends > phase:
        said = f"the surge would end at {ends}"
    else:
        return
    place = node_at(load, ("surge",))[1]
    said = f"{said}, but the fault phase lasts {phase}"
    problems.add(place, said, "begin earlier, or make the phase longer")


def check_maximum(fault: BoundFault, experiment: Experiment, problems: Problems) -> None:
    """The fault is open no longer than `max_duration`."""
    if sentence := experiment.too_long(fault.use):
        said, _, hint = sentence.partition(": ")
        problems.add(fault.place_of("for"), said, hint)


def check_point(fault: BoundFault, system: System, problems: Problems) -> None:
    """The point exists, is not protected, and has as many members as are to be bitten."""
    if fault.use.selection.link is not None:
        _check_link(fault, fault.use.selection.link, system, problems)
    elif (name := fault.use.selection.node) in system.tiers:
        _check_tier(fault, name, system, problems)
    else:
        _check_node(fault, str(name), system, problems)


def _check_node(fault: BoundFault, name: str, system: System, problems: Problems) -> None:
    place, tier = fault.place_of("node"), system.tier_of(name)
    if tier is None:
        known = (*system.nodes(), *system.tiers)
        suggestion = meant(name, known, "there are")[1]
        problems.add(place, f"'{system.system}' has no node or tier '{name}'", suggestion)
        return
    for key in ("role", "count", "share"):
        if getattr(fault.use.selection, key) is not None:
            said = f"'{key}' narrows a tier, but '{name}' is one node"
            problems.add(fault.place_of(key), said, f"write node: {tier}, or leave '{key}' out")
    if name in system.protected or tier in system.protected:
        problems.add(place, f"node '{name}' is protected", "see 'protected' in system.yaml")


def _check_tier(fault: BoundFault, name: str, system: System, problems: Problems) -> None:
    tier, selection = system.tiers[name], fault.use.selection
    free = [n for n in tier.nodes if n not in system.protected and name not in system.protected]
    if not free:
        problems.add(
            fault.place_of("node"), f"tier '{name}' is protected", "see 'protected' in system.yaml"
        )
    elif selection.count is not None and selection.count > len(free):
        limit = f"at most {len(free)}"
        said = f"tier '{name}' has {len(tier.nodes)} nodes, {len(free)} of them not protected"
        problems.add(fault.place_of("count"), f"{selection.count} are too many: {said}", limit)
    if selection.role is not None and selection.role not in tier.roles:
        said = f"tier '{name}' declares no role '{selection.role}'"
        suggestion = meant(selection.role, tier.roles, "its roles")[1]
        problems.add(fault.place_of("role"), said, suggestion)
    if selection.share is not None and not 0 < selection.share <= 1:
        said = f"a share is more than 0% and at most 100%, got {selection.share}"
        problems.add(fault.place_of("share"), said)


def _check_link(fault: BoundFault, text: str, system: System, problems: Problems) -> None:
    name, slash, endpoint = text.partition("/")
    if name.strip() not in system.links:
        suggestion = meant(name.strip(), system.links, "there are")[1]
        problems.add(
            fault.place_of("link"), f"'{system.system}' has no link '{name.strip()}'", suggestion
        )
    elif slash and not system.proxies_of(text):
        proxies = system.links[name.strip()].proxies
        suggestion = meant(endpoint, proxies, "its proxies")[1]
        problems.add(
            fault.place_of("link"),
            f"link '{name.strip()}' has no endpoint '{endpoint}'",
            suggestion,
        )
