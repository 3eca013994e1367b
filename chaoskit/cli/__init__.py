"""The command line: the only room that knows all others, and imports them lazily.

Every error ends here as one clear message and an exit code; a user must never see a traceback.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import traceback
from typing import Any

import click

from chaoskit import __version__
from chaoskit.errors import ChaoskitError, DocumentError

COMMANDS = {
    "run": "Run experiments and say whether their claims held.",
    "validate": "Check experiments without touching anything.",
    "plan": "Show what a run would do, to which targets, and how it would be undone.",
    "calibrate": "Measure what this machine can tell when nothing is wrong.",
    "inject": "Hold one fault by hand, journalled and watched like a run.",
    "revert": "Put back what a run left in force.",
    "judge": "Judge a stored run again.",
    "compare": "Say what regressed between two sets of stored runs.",
    "baseline": "Keep what later runs are compared with in a small file.",
    "report": "Write a stored run's pages again, or what a folder of runs proves.",
    "runs": "List, show or remove stored runs.",
    "faults": "Show the catalogue of faults.",
    "schema": "Print the JSON Schema for editors.",
    "system": "Bring the system under test up or down, or show its strength.",
    "doctor": "Try what this machine can do, and say which faults are possible.",
    "proxy": "Carry links through a proxy that speaks Toxiproxy's API.",
    "schedule": "Run experiments by the calendar: next, run, once, skip, ics, unit.",
    "gameday": "Practise an outage with people: new, check, run, report.",
    "halt": "Stop every run and block new ones until lifted.",
}


class _LazyGroup(click.Group):
    """Imports a command's module only when it is called: `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"chaoskit.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chaoskit")
def cli() -> None:
    """Inject faults under load and verify, with evidence, that a system holds."""


def main(arguments: list[str] | None = None) -> None:
    """The console script. Exits 0-5 or 130 (see `chaoskit.errors`)."""
    sys.exit(_call(arguments))


def _call(arguments: list[str] | None) -> int:
    try:
        code: Any = cli.main(args=arguments, prog_name="chaoskit", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except DocumentError as error:
        # Each line begins with file:line:column, so that editors and CI can jump there.
        click.echo(str(error), err=True)
        return error.exit_code
    except ChaoskitError as error:
        click.echo(f"chaoskit: {error}", err=True)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last door: a bug of ours, said as such
        return _bug(error)
    return code if isinstance(code, int) else 0


def _bug(error: Exception) -> int:
    with tempfile.NamedTemporaryFile(
        "w", prefix="chaoskit-bug-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exception(error, file=file)
    said = f"{type(error).__name__}: {error}"
    click.echo(f"chaoskit: this is a bug of ours: {said}\n  details: {file.name}", err=True)
    return 5
