"""One value out of PostgreSQL. It must never change anything there: the session can only read.

Each question has a connection of its own, so that what is measured is what a new client meets.
"""

from __future__ import annotations

import select
import time
from typing import Any

from chaoskit.errors import InvalidInput
from chaoskit.model.probes import SqlProbe
from chaoskit.probe.asking import Asking, Holders, OneOrEach, Silent, required


class SqlAsk(OneOrEach):
    """The first column of the query's first row meets the condition; see `ports.Probe`.

    Raises InvalidInput without psycopg, which chaoskit does not bring by itself.
    """

    def __init__(self, name: str, spec: SqlProbe, holders: Holders, asking: Asking) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        if (spec.url is None) == (spec.tier is None):
            raise InvalidInput(f"probe '{name}' needs exactly one of 'url' and 'tier'")
        self._members = asking.members(spec.tier) if spec.tier else ()
        try:
            # Loaded before the first question: it takes longer than many an answer.
            import psycopg
        except ImportError as error:
            raise InvalidInput(
                f"probe '{name}' asks a PostgreSQL, which needs psycopg: "
                "pip install 'chaoskit[sql]'"
            ) from error
        self._psycopg = psycopg

    def _here(self) -> str:
        return "the database"

    def _ask_here(self) -> bool:
        return self._value_meets({})

    def _ask_node(self, node: str) -> bool:
        address, port = self._asking.place(node, self._spec.port)
        return self._value_meets({"host": address, "port": port})

    def _value_meets(self, place: dict[str, Any]) -> bool:
        until = self._asking.deadline()
        try:
            session = self._psycopg.connect(**self._session(), **place)
            try:
                value = self._value(session.pgconn, until)
            finally:
                session.close()
        except self._psycopg.Error as error:
            raise Silent(f"answered the error '{_first_line(str(error))}'") from error
        return required(value, self._spec.expect)

    def _value(self, line: Any, until: float) -> str:
        """As text; waited for here, because a frozen server never ends its statement."""
        line.send_query(self._spec.query.encode())
        while line.is_busy():
            ready, _, _ = select.select([line.socket], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise Silent(f"did not answer within {self._asking.timeout:g}s")
            line.consume_input()
        result = line.get_result()
        if result.status != self._psycopg.pq.ExecStatus.TUPLES_OK:
            said = result.error_message.decode("utf-8", "replace")
            raise Silent(
                f"answered the error '{_first_line(said)}'" if said else "answered nothing"
            )
        if not result.ntuples:
            raise Silent("answered without a row")
        return (result.get_value(0, 0) or b"").decode("utf-8", "replace")

    def _session(self) -> dict[str, Any]:
        spec, timeout = self._spec, self._asking.timeout
        password = spec.password.get_secret_value() if spec.password else None
        known = {"user": spec.user, "password": password, "dbname": spec.database}
        return {
            "conninfo": spec.url or "",
            "autocommit": True,
            "connect_timeout": max(1, round(timeout)),
            "application_name": "chaoskit",
            "options": "-c default_transaction_read_only=on "
            f"-c statement_timeout={max(1, round(timeout * 1000))}",
            **{key: value for key, value in known.items() if value is not None},
        }


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "no word")
