"""Which keys a model knows at some depth: pydantic's errors name a location, not a model."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def keys_at(
    model: type[BaseModel], location: Sequence[int | str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All keys and the required keys of the mapping at `location`; empty when it is free-form."""
    found: Any = model
    for step in location:
        found = _below(found, step)
    return _keys(found) if _is_model(found) else ((), ())


def _keys(model: type[BaseModel]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    named = {f.alias or name: f for name, f in model.model_fields.items()}
    return tuple(named), tuple(name for name, f in named.items() if f.is_required())


def _below(annotation: Any, step: int | str) -> Any:
    """The type under one key or index; None when it cannot be told."""
    if _is_model(annotation):
        named = {f.alias or name: f for name, f in annotation.model_fields.items()}
        return _bare(named[str(step)].annotation) if str(step) in named else None
    if get_origin(annotation) is dict:
        return _bare(get_args(annotation)[1])
    if get_origin(annotation) is tuple:
        return _bare(get_args(annotation)[0])
    return None


def _bare(annotation: Any) -> Any:
    """Without Annotated and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return next(_members(get_args(annotation)), None)
    return annotation


def _members(args: Iterable[Any]) -> Iterator[Any]:
    return (_bare(arg) for arg in args if arg is not type(None))


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
