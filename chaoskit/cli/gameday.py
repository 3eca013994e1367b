"""`chaoskit gameday`: plan a day with people in it, check it, play it, and read what it showed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chaoskit.cli import options
from chaoskit.cli.places import shown
from chaoskit.errors import InvalidInput, NotRestored
from chaoskit.units import Duration

if TYPE_CHECKING:
    from chaoskit.gameday.session import Session

_file = click.argument("file", type=click.Path(path_type=Path), default=Path("gameday.yaml"))


@click.group("gameday")
def command() -> None:
    """Practise an outage with people: plan it, check it, play it, report it."""


@command.command("new")
@_file
def new_command(file: Path) -> int:
    """Write a game day to fill in, with every key explained."""
    from chaoskit.gameday.template import template

    if file.exists():
        raise InvalidInput(f"{file}: it is there already; name another file")
    file.parent.mkdir(parents=True, exist_ok=True)
    day = date.today() + timedelta(days=7)
    file.write_text(template(day.isoformat(), _some_node(file)), encoding="utf-8")
    click.echo(f"{shown(file)}: fill it in, then: chaoskit gameday check {shown(file)}")
    return 0


@command.command("check")
@_file
@options.runtime
@options.reports
def check_command(file: Path, runtime: str, reports: Path) -> int:
    """Validate a game day, and make the checks of its go/no-go list now.

    Exit code: 0 all is well, 2 the file is wrong, 3 a check says no.
    """
    session = _session(file, runtime, reports)
    gameday, stage = session.bound.gameday, session.stage
    click.echo(f"{shown(session.bound.path)}: {gameday.gameday} is valid")
    refused = 0
    for question in gameday.go_no_go:
        if question.check is None:
            click.echo(f"  ask  {question.text}")
            continue
        why = session.bound.hidden(stage.check(question.check))
        refused += bool(why)
        click.echo(f"  {'NO ' if why else 'yes'}  {question.text}{f': {why}' if why else ''}")
    return 3 if refused else 0


@command.command("run")
@_file
@options.runtime
@options.reports
@click.option("--terminal", is_flag=True, help="Line commands instead of the browser; try `help`.")
@click.option("--person", help="Who types in the terminal. Default: the facilitator.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the console listens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The console's. Default: a free one."
)
@click.option(
    "--end-after",
    metavar="DURATION",
    callback=lambda context, option, text: _duration(text),
    help="Take no lines here, and end so long after the last entry once the day is closed, or its "
    "window over.",
)
def run_command(
    file: Path,
    runtime: str,
    reports: Path,
    terminal: bool,
    person: str | None,
    host: str,
    port: int,
    end_after: float | None,
) -> int:
    """Play a game day; what was begun earlier goes on where it was.

    It prints the address of a page in the browser; where a person types here, the terminal takes
    lines as well.

    Exit code: 0; 2 when a line of a pipe was refused; 3 when `--end-after` ended a day that nobody
    closed; 4 when something was not put back.
    """
    if terminal and end_after is not None:
        raise click.UsageError("--terminal takes lines until their end; --end-after takes none")
    session = _session(file, runtime, reports)
    who = person or session.bound.gameday.people.facilitator[0]
    try:
        with _ending(), session.opened():
            if terminal:
                return _in_terminal(session, who)
            if end_after is not None:
                return _alone(session, end_after, host, port)
            return _in_browser(session, who, host, port)
    finally:  # also after Ctrl-C, which is how one leaves the console
        _refuse_leftovers(session)


def _in_terminal(session: Session, person: str) -> int:
    from chaoskit.cli.gameday_terminal import Terminal

    refused = Terminal(session, person, click.echo).play(sys.stdin)
    return 2 if refused and not sys.stdin.isatty() else 0


def _in_browser(session: Session, person: str, host: str, port: int) -> int:
    from chaoskit.cli.gameday_console import play

    play(session, person, host, port, click.echo)
    return 0


def _alone(session: Session, end_after: float, host: str, port: int) -> int:
    from chaoskit.cli.gameday_console import play_alone

    if not_closed := play_alone(session, end_after, host, port, click.echo):
        click.echo(not_closed, err=True)
        return 3
    return 0


def _duration(text: str | None) -> float | None:
    """A length of time in seconds; raises BadParameter."""
    try:
        return None if text is None else float(Duration.parse(text))
    except ValueError as error:
        raise click.BadParameter(f"a length of time such as 10m; got '{text}'") from error


def _refuse_leftovers(session: Session) -> None:
    """Raises NotRestored when a run of this day has left something in force."""
    from chaoskit.run.history import leftovers
    from chaoskit.run.journal import NAME, read_records

    for entry in session.log.entries():
        if entry.kind != "running" or not (journal := Path(entry.run) / NAME).exists():
            continue
        if left := leftovers(read_records(journal)):
            what = ", ".join(left)
            raise NotRestored(
                f"step {entry.step} left in force: {what}; chaoskit revert {entry.run}"
            )


@command.command("where")
@_file
def where_command(file: Path) -> int:
    """Print the address of a game day's console that is open on this machine, for this user.

    Exit code: 5 when there is none.
    """
    from chaoskit.cli.gameday_console import address
    from chaoskit.document import load_gameday

    click.echo(address(load_gameday(file)))
    return 0


@command.command("report")
@_file
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the pages. Default: beside the game day.",
)
def report_command(file: Path, output: Path | None) -> int:
    """Write what a game day showed, as HTML and Markdown; also while it is under way."""
    from chaoskit.document import load_gameday
    from chaoskit.gameday.report import write

    for page in write(load_gameday(file), output):
        click.echo(shown(page))
    return 0


def _some_node(file: Path) -> str:
    """A node of the nearest system that another can stand in for; else a name to replace."""
    from chaoskit.document import load_system

    for folder in file.absolute().parents:
        if (path := folder / "system.yaml").is_file():
            system = load_system(path)
            groups = [t for name, t in system.tiers.items() if name not in system.protected]
            groups.sort(key=lambda tier: len(tier.nodes) < 2)
            free = [n for tier in groups for n in tier.nodes if n not in system.protected]
            return free[0] if free else "web1"
    return "web1"


def _session(file: Path, runtime: str, reports: Path) -> Session:
    from chaoskit.cli.conducting import Wishes
    from chaoskit.cli.gameday_stage import LiveStage
    from chaoskit.document import load_gameday
    from chaoskit.gameday.session import Session
    from chaoskit.run.clock import SystemClock

    bound = load_gameday(file)
    return Session(bound, LiveStage(bound, Wishes(reports, runtime)), SystemClock())


@contextmanager
def _ending() -> Iterator[None]:
    """SIGTERM and SIGHUP end the session as Ctrl-C does: what is held is put back first."""
    from chaoskit.cli.interrupts import taken

    def take(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    with taken((signal.SIGTERM, signal.SIGHUP), take):
        yield
