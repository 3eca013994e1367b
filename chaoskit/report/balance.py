"""What the resilience report says of one system, in words: the score, what is missing, what is old.

A figure always stands beside how much it covers. It must never hold markup, and never round
towards the better side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chaoskit.judge.standing import TROUBLES
from chaoskit.model.resilience import (
    Cell,
    Downtime,
    Proof,
    Recoveries,
    Score,
    Spread,
    SystemResilience,
)
from chaoskit.model.timeline import Trouble
from chaoskit.model.verdict import Status
from chaoskit.report import words
from chaoskit.report.view import Figure


@dataclass(frozen=True)
class Untested:
    """The points of one kind that one class of trouble was never tried at."""

    kind: str
    trouble: Trouble
    points: tuple[str, ...]
    whole: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """One proof with the cell it stands for."""

    point: str
    trouble: Trouble
    proof: Proof


def headline(score: Score) -> tuple[Status, str]:
    """The colour of the banner, and the words that are never wider than the evidence."""
    if score.violated:
        return Status.VIOLATED, "VIOLATED"
    if score.held.part:
        return Status.HELD, "HELD WHERE COVERED"
    return Status.INCONCLUSIVE, "NOTHING PROVEN"


def summary(told: SystemResilience) -> str:
    """One sentence for the terminal and the banner."""
    part, whole = told.score.held.part, told.score.held.whole
    size = told.score.covered.whole if told.score.covered else "an unknown number of"
    verb = "has" if whole == 1 else "have"
    covered = (
        f"{whole} of {size} cells (failure point × class of trouble) {verb} a proof that counts"
    )
    if not whole:
        return covered
    every = "it" if whole == 1 else f"all {whole}"
    return f"{covered}, and {every if part == whole else f'{part} of {whole}'} held"


def sentences(told: SystemResilience) -> Iterable[str]:
    """What qualifies the headline, the worst first."""
    score = told.score
    bad = [
        f"{point.point} ({cell.trouble})"
        for point in told.points
        for cell in point.cells
        if cell.status is Status.VIOLATED and (point.declared or score.covered is None)
    ]
    if bad:
        yield f"violated, and not shown to hold since: {', '.join(bad)}"
    shaky = [s for s in standings(told) if s.proof.status is Status.HELD and _shaky(s.proof)]
    if shaky:
        yield f"held last, but not in every run: {', '.join(map(_told, shaky))}"
    if score.never:
        yield f"{words.count(score.never, 'cell')} never tested: nothing is known of them"
    if score.covered is None:
        yield "no run has a plan, so the size of the system is unknown"
    if score.inconclusive:
        yield f"{words.count(score.inconclusive, 'cell')} tested without a conclusion"
    if score.stale:
        yield f"{words.count(score.stale, 'cell')} held too long ago to count"
    if told.quick:
        yield f"quick runs, which prove less: {told.quick} of {told.runs}"


def tiles(score: Score) -> tuple[Figure, ...]:
    """The four figures of the score; none of them stands for another."""
    return (_covered(score), _held(score), _bounds(score), _ages(score))


def _covered(score: Score) -> Figure:
    if score.covered is None:
        return Figure("Covered", "unknown", "no run tells how many cells the system has")
    part, whole = score.covered.part, score.covered.whole
    share = words.good_share(part, whole)
    note = f"{share} of all cells have a proof that counts"
    return Figure("Covered", f"{part} of {whole}", note)


def _held(score: Score) -> Figure:
    held = score.held
    if held.low is None or held.high is None:
        return Figure("Held where covered", "no figure", "no cell has a proof that counts")
    note = f"95 % interval {words.interval(held.low, held.high)}, if the others are like these"
    return Figure("Held where covered", f"{held.part} of {held.whole}", note)


def _bounds(score: Score) -> Figure:
    if score.at_least is None or score.at_most is None or not score.held.whole:
        return Figure("Of all cells", "no figure", "too little is known to bound it")
    note = "of all cells hold, whatever is true of those without a proof"
    return Figure("Of all cells", words.interval(score.at_least, score.at_most), note)


def _ages(score: Score) -> Figure:
    stale = f"{words.count(score.stale, 'cell')} stale" if score.stale else "none is stale"
    if score.oldest is None:
        return Figure("Oldest proof that counts", "none", stale)
    return Figure(
        "Oldest proof that counts",
        words.age(score.oldest),
        f"the newest is {words.age(score.newest)} old; {stale}",
    )


def cell_notes(cell: Cell) -> tuple[str, ...]:
    """Age, how many runs stand behind it, and what weakens it."""
    if cell.status is None:
        return ()
    held = sum(p.held.part for p in cell.proofs)
    whole = sum(p.held.whole for p in cell.proofs)
    told = [f"{words.age(cell.age)} old" if cell.age is not None else "no run was conclusive"]
    if whole:
        told.append(f"{held} of {words.count(whole, 'run')} held")
    if cell.status is Status.HELD and not cell.current:
        told.append("stale")
    if cell.proofs and all(p.quick for p in cell.proofs):
        told.append("quick only")
    return tuple(told)


def standings(told: SystemResilience) -> tuple[Standing, ...]:
    """Every proof, the oldest first."""
    found = [
        Standing(point.point, cell.trouble, proof)
        for point in told.points
        for cell in point.cells
        for proof in cell.proofs
    ]
    return tuple(sorted(found, key=lambda s: (s.proof.at, s.point, s.trouble)))


def _told(one: Standing) -> str:
    proof = one.proof
    cell = f"{one.point} ({one.trouble})"
    return (
        f"{cell} in {proof.held.part} of {proof.held.whole} by {proof.experiment}, {proof.runtime}"
    )


def _shaky(proof: Proof) -> bool:
    return proof.held.part < proof.held.whole


def expiry(proof: Proof) -> str:
    """What its age means: a violation does not lapse."""
    if not proof.stale:
        return ""
    return "stale" if proof.status is Status.HELD else "counts until a run holds"


def reproduced(proof: Proof) -> str:
    """How many of the runs that count held, with the interval that says how little that is."""
    held = proof.held
    if held.low is None or held.high is None:
        return "no run is recent enough"
    return f"{held.part} of {held.whole} ({words.interval(held.low, held.high)})"


def untested(told: SystemResilience) -> tuple[Untested, ...]:
    """What was never tried, by kind of point and class of trouble, and what could try it."""
    found = []
    for kind in ("tier", "link"):
        own = [p for p in told.points if p.kind == kind and p.declared]
        for index, trouble in enumerate(TROUBLES):
            never = [p for p in own if p.cells[index].status is None]
            if never:
                names = tuple(f"{p.point} (protected)" if p.protected else p.point for p in never)
                faults = never[0].cells[index].faults
                found.append(Untested(kind, trouble, names, len(own), faults))
    return tuple(found)


def reached(took: float | None) -> str:
    return "not reached" if took is None else words.seconds(took)


def recovery_notes(told: Recoveries) -> tuple[str, ...]:
    """One line for each runtime, and what was declared last."""
    declared = f"declared within {words.seconds(told.runs[-1].within)}"
    return (*map(_spread, told.spreads), declared)


def _spread(told: Spread) -> str:
    if told.runs == 1:
        return f"{told.runtime}: {reached(told.newest)} in its only run"
    parts = [f"{told.runtime}: newest {reached(told.newest)}"]
    if told.median is not None:
        parts.append(f"median {words.seconds(told.median)}")
        parts.append(f"worst {words.seconds(told.worst)}")
    if told.missed:
        parts.append(f"not reached in {told.missed} of {words.count(told.runs, 'run')}")
    return ", ".join(parts)


def felt(told: Recoveries | Downtime) -> str:
    """In how many runs the requests felt it, of those that were measured."""
    if not told.measured:
        return "not measured"
    return f"felt in {told.felt} of {words.count(told.measured, 'measured run')}"


def unmeasured(told: Downtime) -> str:
    """How many runs are missing from the figures, where some are there."""
    missing = told.runs - told.measured
    return f"{missing} not measured" if told.measured and missing else ""


def area(told: Downtime) -> str:
    return words.NONE if told.area is None else f"{told.area:.2f} s"


def worst(told: Downtime) -> str:
    return words.NONE if told.worst is None else f"{told.worst:.2f} s"


def total(parts: Iterable[Downtime]) -> Downtime:
    """The sum over all experiments; None stays None where no part has a figure."""
    known = tuple(parts)
    areas = [d.area for d in known if d.area is not None]
    costs = [d.cost for d in known if d.cost is not None]
    return Downtime(
        experiment="", runtime="",
        runs=sum(d.runs for d in known), measured=sum(d.measured for d in known),
        felt=sum(d.felt for d in known), priced=sum(d.priced for d in known),
        area=sum(areas) if areas else None, cost=sum(costs) if costs else None,
        worst=max((d.worst for d in known if d.worst is not None), default=None),
    )  # fmt: skip


def cost(told: Downtime) -> str:
    """The sum, and over how many runs where that is not all of them."""
    if told.cost is None:
        return "not stated"
    figure = f"{told.cost:,.2f}".replace(",", "\u202f")
    return figure if told.priced == told.runs else f"{figure} in {told.priced} of {told.runs} runs"


def tally(statuses: Iterable[Status]) -> str:
    """`5 held, 1 violated`."""
    known = list(statuses)
    parts = ((known.count(status), status) for status in Status)
    return ", ".join(f"{number} {status}" for number, status in parts if number)
