"""`chaoskit calibrate`: what this machine can tell of a system when nothing is wrong.

It must never calibrate from a load that a fault, or an unhealthy system, has touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit.cli import options
from chaoskit.errors import InvalidInput
from chaoskit.units import Duration

if TYPE_CHECKING:  # numpy is loaded only once there is something to compute
    from chaoskit.document import Bound
    from chaoskit.model.calibration import Calibration, SeriesCalibration
    from chaoskit.model.verdict import Verdict

NAME = "calibration"
# Exit codes of a run that is no measure: violated, not restored, failed, interrupted.
UNFIT = (1, 4, 5, 130)
SHOWN = (60.0, 120.0, 300.0)


@click.command("calibrate")
@click.argument("experiment", required=False, type=click.Path(path_type=Path))
@click.option("--from", "source", metavar="RUN", help="A stored healthy run, instead of a new one.")
@click.option("--for", "lasts", default="10m", show_default=True, help="How long the load lasts.")
@options.settings
@options.runtime
@options.reports
def command(
    experiment: Path | None,
    source: str | None,
    lasts: str,
    settings: tuple[str, ...],
    runtime: str,
    reports: Path,
) -> int:
    """Measure how much a healthy system wavers here, and keep it for `plan` and `run`.

    EXPERIMENT gives the load and the steady state; its faults and its surge are left out.
    """
    from chaoskit.cli.places import REVERTED, find_run

    if (experiment is None) == (source is None):
        raise click.UsageError("name an experiment file, or a stored run with --from")
    if source is not None:
        return _calibrate(find_run(source, *REVERTED))
    assert experiment is not None
    bound = _healthy(experiment, options.pairs(settings), _length(lasts))
    folder, code = _run(bound, runtime, reports)
    if folder is None or code in UNFIT:
        click.echo("nothing was calibrated: the load did not end well", err=True)
        return code
    return _calibrate(folder)


def _length(text: str) -> Duration:
    try:
        lasts = Duration.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from error
    if lasts < 60:
        raise click.BadParameter("a calibration needs a minute at least", param_hint="--for")
    return lasts


def _healthy(path: Path, settings: dict[str, str], lasts: Duration) -> Bound:
    """The experiment without its trouble, half of its time baseline; it is never cut short."""
    from chaoskit.document import load_experiments

    found = load_experiments((path,), settings=settings)
    if len(found) != 1:
        raise InvalidInput(f"{path} holds {len(found)} experiments; name the file of one")
    asked = found[0].experiment
    # Not by settings: what is left out need not fit into these phases.
    half = dict.fromkeys(("baseline", "fault"), Duration(lasts / 2))
    changes = {
        "experiment": NAME, "hypothesis": "Nothing is wrong, so nothing changes", "faults": (),
        "expect": (), "abort_when": (), "on_violation": "continue",
        "load": asked.load.model_copy(update={"surge": None}),
        "phases": asked.phases.model_copy(update=half),
    }  # fmt: skip
    return replace(found[0], experiment=asked.model_copy(update=changes))


def _run(bound: Bound, runtime: str, reports: Path) -> tuple[Path | None, int]:
    from chaoskit.cli.conducting import Wishes, signals
    from chaoskit.cli.run import run_one
    from chaoskit.cli.screen import Screen, in_pipeline
    from chaoskit.run.calls import StopFlag

    stop = StopFlag()
    with signals(stop), Screen(in_pipeline()) as screen:
        ended = run_one(bound, Wishes(reports, runtime), stop, "no fault", screen)
    return ended.folder, ended.code


def _calibrate(folder: Path) -> int:
    """Measure, keep, show; exits 3 where the run does not show a healthy load."""
    from chaoskit.cli.places import shown
    from chaoskit.judge.calibration import calibrated, unsound
    from chaoskit.model.verdict import Status
    from chaoskit.report.source import read_run
    from chaoskit.run.calibrations import keep
    from chaoskit.run.feed import stored_samples
    from chaoskit.run.history import read_timeline
    from chaoskit.run.state import StateRoot

    run = read_run(folder)
    verdict = run.verdict
    if run.plan.get("experiment", {}).get("load", {}).get("surge"):
        raise InvalidInput(
            f"{verdict.run} had a surge of traffic, so it does not tell how a healthy load wavers; "
            "calibrate from a run without one"
        )
    if verdict.status is Status.VIOLATED:
        raise InvalidInput(
            f"{verdict.run} was not healthy ({verdict.reasons[0]}), so it is no measure; "
            "calibrate once the system is"
        )
    timeline = read_timeline(folder)
    if why := _unfit(verdict) or unsound(timeline):
        said = f"{verdict.run} does not tell how a healthy load wavers: {why}"
        kept = "an earlier calibration stays as it was"
        click.echo(f"nothing was calibrated: {said}; {kept}", err=True)
        return 3
    found = calibrated(
        timeline, stored_samples(folder),
        system=verdict.system, runtime=verdict.runtime, at=verdict.started_at,
    )  # fmt: skip
    path = keep(StateRoot(), found)
    for line in page(found):
        click.echo(line)
    click.echo(f"kept in {shown(path)} for plan and run")
    return 0


def _unfit(verdict: Verdict) -> str | None:
    """Why a run that nobody calls violated is no measure all the same, and what to do."""
    from chaoskit.judge.calibration import unsound
    from chaoskit.judge.doubts import sentence
    from chaoskit.model.verdict import Status

    if why := unsound(verdict):
        return why
    broken = [sentence(gate) for gate in verdict.gates if gate.status is Status.VIOLATED]
    return f"{broken[0]}; calibrate once the system is healthy" if broken else None


def page(found: Calibration) -> Iterator[str]:
    """What was measured: the generator's lateness, and for each series what can be told."""
    yield f"{Duration(found.seconds)} of healthy load on {found.system} on {found.runtime}"
    known = (("p95", found.lateness_p95), ("p99", found.lateness_p99))
    late = ", ".join(f"{name} {Duration(value)}" for name, value in known if value is not None)
    yield f"the load generator was late by {late}"
    yield "\nthe smallest margins that 9 of 10 healthy runs meet, by the length of each phase:"
    head = ("series", "rate", "metric", "design effect", *(str(Duration(s)) for s in SHOWN))
    rows = [head, *(row for one in found.series for row in _rows(one))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
    yield ""


def _rows(one: SeriesCalibration) -> Iterator[tuple[str, ...]]:
    from chaoskit.judge.margins import Lengths, smallest_factor, smallest_points, told

    spans = [Lengths(s, s) for s in SHOWN]
    failed = one.shares["failed"]
    points = (told("failed", smallest_points(failed, span)) for span in spans)
    yield one.series, f"{one.rate:.1f}/s", "failed", f"{failed.design:.1f}", *points
    for metric, share in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99)):
        factors = (told(metric, smallest_factor(one, share, span)) for span in spans)
        yield "", "", metric, _design(one, share), *factors


def _design(one: SeriesCalibration, share: float) -> str:
    if not one.tail:
        return "–"
    near = min(one.tail, key=lambda point: abs(point.noise.share - (1 - share)))
    return f"{near.noise.design:.1f}"
