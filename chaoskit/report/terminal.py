"""The verdict in the terminal: what a person reads when the run has ended.

It must stay light (no numpy, no plots), and it must never read markup out of a document's names.
"""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chaoskit.model.verdict import Gate, RecoveryFigures, Status, Verdict
from chaoskit.report import datasafety, words

STYLES = {Status.HELD: "green", Status.VIOLATED: "red", Status.INCONCLUSIVE: "yellow"}
_MOST_OFFENDERS = 5
_WORST_FIRST = (Status.VIOLATED, Status.INCONCLUSIVE, Status.HELD)


def print_verdict(verdict: Verdict, console: Console, report_path: Path | None) -> None:
    """Print the verdict, its gates (failing ones first), what was injected, and the report's place.

    `report_path` None: no report was written.
    """
    console.print()
    console.print(_headline(verdict))
    for reason in verdict.reasons:
        console.print(Text(f"  {reason}"))
    if ending := words.ending(verdict):
        console.print(Text(f"  The run was {ending}.", style="dim"))
    if verdict.quick:
        console.print(Text("  Quick run: the phases were shortened.", style="dim"))
    for warning in verdict.load.warnings:
        if warning not in verdict.load.causes:  # those are reasons of the verdict
            console.print(Text(f"  Load: {warning}", style="yellow"))
    if verdict.gates:
        console.print(_gates(verdict))
    told = (*_injections(verdict), *_recovery(verdict.recovery), *_impact(verdict))
    for line in (*told, *_safety(verdict)):
        console.print(line)
    if not verdict.restored:
        console.print(_not_restored(verdict))
    if report_path is not None:
        console.print(Text(f"Report: {report_path}"), soft_wrap=True)


def _headline(verdict: Verdict) -> Text:
    line = Text(words.headline(verdict), style=f"bold {STYLES[verdict.status]}")
    return line.append(f"  {verdict.experiment}", style="default not bold")


def _gates(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("")
    table.add_column("Phase")
    table.add_column("Expectation", overflow="fold")
    table.add_column("Observed", justify="right")
    table.add_column("Bound", justify="right", max_width=20)
    shown = [g for g in verdict.gates if not g.implied or g.status is not Status.HELD]
    for gate in sorted(shown, key=lambda g: _WORST_FIRST.index(g.status)):
        table.add_row(*_cells(gate))
    folded = len(verdict.gates) - len(shown)
    if folded:
        table.caption = f"and {words.count(folded, 'implied gate')} that held"
        table.caption_justify = "left"
    return table


def _cells(gate: Gate) -> tuple[Text, ...]:
    claim = Text(gate.expectation)
    if gate.status is not Status.HELD and gate.reason:
        claim.append(f"\n{gate.reason}", style="dim")
    mark = Text(f"{words.sign(gate.status)} {gate.status}", style=STYLES[gate.status])
    return mark, Text(gate.phase), claim, Text(gate.shown, style="bold"), Text(gate.bound)


def _injections(verdict: Verdict) -> list[Text]:
    lines = []
    for injection in verdict.injections:
        status = Status.HELD if injection.proven else Status.INCONCLUSIVE
        line = Text(f"{injection.fault} {injection.point}: ", style="bold")
        line.append(words.proof(injection), style=f"not bold {STYLES[status]}")
        told = (*words.force(injection, verdict.spans), *words.evidence(injection))
        line.append(f" ({'; '.join(told)})", style="not bold dim")
        lines.append(line)
    return lines


def _recovery(figures: RecoveryFigures | None) -> list[Text]:
    if figures is None:
        return []
    steady, strength = (
        "not reached" if value is None else words.seconds(value)
        for value in (figures.steady, figures.full_strength)
    )
    declared = words.seconds(figures.within)
    told = f"steady state {steady}, full strength {strength} (declared within {declared})"
    return [Text("Recovery: ", style="bold").append(told, style="not bold")]


def _impact(verdict: Verdict) -> list[Text]:
    if not verdict.injections:
        return []
    told = (f"{name.lower()} {value}" for name, value, _ in words.impact(verdict))
    line = Text("Impact: ", style="bold")
    return [line.append(", ".join(told).removeprefix("impact "), style="not bold")]


def _safety(verdict: Verdict) -> list[Text]:
    found = verdict.data_safety
    if found is None:
        return []
    style = f"not bold {STYLES[found.status]}"
    line = Text("Data safety: ", style="bold").append(str(found.status), style=style)
    told = [f"{name.lower()} {value}" for name, value, _ in datasafety.safety(found)]
    lines = [line.append(f", {', '.join(told)}", style="not bold")]
    origin = next((s.begin for s in verdict.spans if s.phase == "baseline"), 0.0)
    for one in found.offenders[:_MOST_OFFENDERS]:
        offence, id_, _, answer, where = datasafety.offender(one, verdict, origin)
        lines.append(Text(f"  {offence} {id_}: acknowledged {answer}; {where}"))
    left = sum(found.offences.values()) - len(found.offenders[:_MOST_OFFENDERS])
    if left:
        lines.append(Text(f"  {left} more in ledger/offenders.jsonl", style="dim"))
    return lines


def _not_restored(verdict: Verdict) -> Text:
    text = Text("✗ NOT RESTORED", style="bold red")
    for difference in verdict.differences:
        text.append(f"\n  {difference}", style="not bold")
    return text.append(f"\n  Put it back with: chaoskit revert {verdict.run}")
