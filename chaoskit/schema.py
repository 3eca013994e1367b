"""The JSON Schema (draft 2020-12): experiments and systems for editors, results for tools.

Generated from the models and the registered faults, so that it cannot fall behind. An editor
sees YAML's own types, so `rate: 5` may be a number there. This module must never accept or
refuse a document: `chaoskit.document` does.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from chaoskit.document.faultlist import LINK_KEYS, NODE_KEYS, Timing
from chaoskit.faults import FaultKind, all_faults
from chaoskit.model.baseline import Baseline
from chaoskit.model.experiment import Experiment, Selection
from chaoskit.model.gameday import GameDay
from chaoskit.model.resilience import Resilience
from chaoskit.model.schedule import Schedule
from chaoskit.model.system import System
from chaoskit.model.verdict import Verdict

Json = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ENVIRONMENT = {
    "type": "string",
    "pattern": r"\$\{env:",
    "description": "${env:NAME} or ${env:NAME:-default}",
}
_KEPT_AS_TEXT = ["string", "number", "boolean"]


def experiment_schema() -> Json:
    """The schema of an experiment; the items of `faults` are the registered faults."""
    schema = Experiment.model_json_schema()
    faults = [_fault_schema(kind, schema["$defs"]) for kind in all_faults()]
    schema["properties"]["faults"] = {"type": "array", "items": {"oneOf": faults}, "default": []}
    for name in ("FaultUse", "Place", "Selection"):
        schema["$defs"].pop(name, None)
    return _finished(schema, "A chaoskit experiment")


def system_schema() -> Json:
    """The schema of `system.yaml`."""
    schema = System.model_json_schema()
    rules = schema["$defs"]["Outcomes"]["properties"]
    for name, rule in rules.items():
        rules[name] = {"anyOf": [rule, rule["items"]]}
    return _finished(schema, "A system under test, as chaoskit sees it")


def schedule_schema() -> Json:
    """The schema of `schedule.yaml`."""
    return _finished(Schedule.model_json_schema(), "When experiments and game days run")


def gameday_schema() -> Json:
    """The schema of a game day; what a step injects is a registered fault, without times."""
    schema = GameDay.model_json_schema()
    faults = [_fault_schema(kind, schema["$defs"], timed=False) for kind in all_faults()]
    schema["$defs"]["Step"]["properties"]["inject"] = {"oneOf": faults}
    for name in ("FaultUse", "Place", "Selection"):
        schema["$defs"].pop(name, None)
    return _finished(schema, "A day on which people practise an outage")


def verdict_schema() -> Json:
    """The schema of `verdict.json`. It is written by us, so nothing is loosened."""
    return {"$schema": _DIALECT, **Verdict.model_json_schema(), "title": "A chaoskit verdict"}


def baseline_schema() -> Json:
    """The schema of `baseline.json`; written by us as well."""
    return {"$schema": _DIALECT, **Baseline.model_json_schema(), "title": "A chaoskit baseline"}


def resilience_schema() -> Json:
    """The schema of `resilience.json`."""
    return {
        "$schema": _DIALECT, **Resilience.model_json_schema(mode="serialization"),
        "title": "A chaoskit resilience report",
    }  # fmt: skip


def _fault_schema(kind: FaultKind, definitions: Json, timed: bool = True) -> Json:
    """A mapping with the fault's name as its one key."""
    keys = NODE_KEYS if kind.point == "node" else LINK_KEYS
    selection, timing = _part(Selection, definitions), _part(Timing, definitions)
    own = _part(kind.spec, definitions)
    body = {
        "type": "object",
        "properties": {
            **{key: selection["properties"][key] for key in keys},
            **(timing["properties"] if timed else {}),
            **own.get("properties", {}),
        },
        "required": [kind.point, *own.get("required", [])],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": kind.summary,
        "properties": {kind.name: body},
        "required": [kind.name],
        "additionalProperties": False,
    }


def _part(model: type[BaseModel], definitions: Json) -> Json:
    """The schema of one model, its definitions moved to the whole's."""
    schema = model.model_json_schema()
    definitions.update(schema.pop("$defs", {}))
    return schema


def _finished(schema: Json, title: str) -> Json:
    loosened: Json = _loosened(schema)
    loosened["$defs"] = {**loosened.get("$defs", {}), "environment": _ENVIRONMENT}
    return {"$schema": _DIALECT, **loosened, "title": title}


def _loosened(part: Any) -> Any:
    """As documents are read: free text takes any scalar, a typed scalar also ${env:…}."""
    if isinstance(part, list):
        return [_loosened(item) for item in part if item != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    kind = part.get("type")
    if kind == "string" and not {"pattern", "enum", "const", "examples"} & set(part):
        return {**part, "type": _KEPT_AS_TEXT}
    if kind in ("string", "integer", "number", "boolean"):
        outer = {k: v for k, v in part.items() if k in ("default", "description", "title")}
        inner = {k: v for k, v in part.items() if k not in outer}
        return {**outer, "anyOf": [inner, {"$ref": "#/$defs/environment"}]}
    return {
        key: value if key in ("default", "propertyNames") else _loosened(value)
        for key, value in part.items()
    }
