"""What a probe's value must be: `< 5`, `>= 1`, `== PONG`. Two numbers are compared as numbers.

This module must never take what is no number for one: then nothing is smaller than anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from chaoskit.model.expectation import COMPARE, Op

_CONDITION = re.compile(r"(<=|>=|==|<|>)\s*([^<>=\s].*)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Condition:
    """An operator and what stands on its right, as it was written."""

    op: Op
    bound: str

    def __str__(self) -> str:
        return f"{self.op} {self.bound}"

    def met_by(self, value: str) -> bool:
        """Whether `value` satisfies it; text that is no number satisfies only `==` its equal."""
        left, right = _number(value), _number(self.bound)
        if left is None or right is None:
            return self.op == "==" and value.strip() == self.bound
        return COMPARE[self.op](left, right)

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition; raises ValueError with a sentence that shows correct ones."""
        match = _CONDITION.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"expected an operator and a value, '< 5' or '== PONG', got '{text}'")
        op: Any = match[1]
        if op != "==" and _number(match[2]) is None:
            raise ValueError(f"'{op}' compares numbers, and '{match[2]}' is none")
        return cls(op, match[2])

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda v: v if isinstance(v, cls) else cls.parse(str(v)),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "examples": ["< 5", ">= 1", "== PONG"]}


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text := text.strip()) else None
