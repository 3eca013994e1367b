"""`python -m chaoskit.load.child`: the process that Locust and gevent have to themselves.

Started only by `worker`, with an order on standard input. Whatever it dies of is left as one
line in `worker-N.error`. Locust is imported late: gevent must replace nothing before the lifeline
is held.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

from chaoskit.errors import LoadError
from chaoskit.load.blame import first_line, place
from chaoskit.load.lifeline import Lifeline
from chaoskit.load.order import Order, receive
from chaoskit.load.recorder import error_file

FAILED = 3


def main() -> None:
    order = receive(0)
    os.set_inheritable(order.ready, False)
    lifeline = Lifeline(0, order.parent)
    lifeline.hold(order.parent_is_main_thread)
    _leave_word(order)
    _go_first()
    if problems := order.problems():
        raise LoadError("; ".join(problems))
    from chaoskit.load.session import Session

    Session(order, lifeline).run()
    sys.stdout.flush()
    # Arrivals that were given up may still hang in a task: do not wait for them.
    os._exit(0)


def _go_first() -> None:
    """Ask for precedence on a busy machine: arrivals that begin late blur what is measured.

    Lateness is measured in any case; an ordinary user is refused, and nothing else changes.
    """
    with contextlib.suppress(PermissionError):
        os.nice(-10)


def _leave_word(order: Order) -> None:
    """From here on an uncaught error becomes `worker-N.error` and exit code 3."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        traceback.print_exception(kind, error, trace)
        message = describe(error, order.locustfile)
        error_file(Path(order.folder), order.worker).write_text(json.dumps({"message": message}))
        sys.stderr.flush()
        os._exit(FAILED)

    sys.excepthook = hook


def describe(error: BaseException, script: str) -> str:
    """One line: ours as it stands, others with their place in the script."""
    if isinstance(error, LoadError):
        return str(error)
    said = first_line(error)
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return f"{place(error, script)}: the load script failed: {what}"


if __name__ == "__main__":
    main()
