"""Base class and types of command configs: bounds, positional arguments, schema for Prefect.

A config is a frozen dataclass whose fields are the options of a command and the form of a deployment. Bounds
stand in the field's type, `Annotated[int, Ge(0)]`, the description in the string below the field: tyro,
Prefect (by pydantic) and `check_bounds` read the same declarations.
"""

import ast
import inspect
import textwrap
import types
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

import tyro
from annotated_types import Ge, Gt, Interval, Le, Lt
from tyro.conf import Positional

from elman.data.errors import UsageError

Model = Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
Corpus = Positional[Annotated[str, tyro.conf.arg(metavar="CORPUS")]]
ColumnOption = Annotated[int, Ge(1)] | str | None  # of CoNLL rows
Sources = Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="SOURCE ...")]]


@dataclass(frozen=True)
class Description:
    """Computed description of a field in Prefect's form; beside `tyro.conf.arg(help=)` in a type."""

    text: str

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Add the description to the schema of the field."""
        return {**handler(core_schema), "description": self.text}


@dataclass(frozen=True, kw_only=True)
class Config:
    """Base of all configs; refuses values out of bounds when it is made."""

    # Read by pydantic where Prefect builds the schema of a flow's parameters or makes a config of a dict.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True, "extra": "forbid"}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Add the descriptions of inherited fields to the schema; pydantic looks in the class alone."""
        schema: dict[str, Any] = handler(core_schema)
        described = {
            name: text for base in reversed(cls.__mro__) for name, text in _descriptions(base).items()
        }
        for name, entry in handler.resolve_ref_schema(schema).get("properties", {}).items():
            if name in described:
                entry.setdefault("description", described[name])
        return schema

    def __post_init__(self) -> None:
        """Check bounds; subclasses that check more call this first."""
        check_bounds(self)


def _descriptions(config: type) -> dict[str, str]:
    """Descriptions of the fields that a config has itself, the strings below them in its source."""
    if not issubclass(config, Config):
        return {}
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(config))).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def option(field: str) -> str:
    """Name of a field on the command line: `min_probability` is `--min-probability`."""
    return "--" + field.rstrip("_").replace("_", "-")


def check_bounds(config: Config) -> None:
    """Check every number against the bounds of its field's type; None and names pass.

    Raises:
        UsageError: names the option, its bounds and the value.
    """
    for name, bounds in _bounds_of(type(config)).items():
        value = getattr(config, name)
        if isinstance(value, int | float) and not all(_within(value, bound) for bound in bounds):
            expected = " and ".join(map(_words, bounds))
            raise UsageError(f"expected {option(name)} {expected}. Got {value}.")


def _bounds_of(config: type[Config]) -> dict[str, tuple[Interval, ...]]:
    """Bounds by field."""
    hints = get_type_hints(config, include_extras=True)
    found = {field.name: tuple(_bounds_in(hints[field.name])) for field in fields(config)}
    return {name: bounds for name, bounds in found.items() if bounds}


def _bounds_in(hint: Any) -> list[Interval]:
    if get_origin(hint) is Annotated:
        inner, *metadata = get_args(hint)
        return _bounds_in(inner) + [
            _interval(m) for m in metadata if isinstance(m, Ge | Gt | Le | Lt | Interval)
        ]
    if get_origin(hint) in (Union, types.UnionType):
        return [bound for part in get_args(hint) for bound in _bounds_in(part)]
    return []


def _interval(bound: Ge | Gt | Le | Lt | Interval) -> Interval:
    return Interval(**{key: getattr(bound, key, None) for key in ("gt", "ge", "lt", "le")})


def _within(value: Any, bound: Interval) -> bool:
    return (
        (bound.ge is None or value >= bound.ge)
        and (bound.gt is None or value > bound.gt)
        and (bound.le is None or value <= bound.le)
        and (bound.lt is None or value < bound.lt)
    )


def _words(bound: Interval) -> str:
    """An interval as an error message states it: "of 0 or more", "from 0 to below 1"."""
    if bound.le is None and bound.lt is None:
        return f"of {bound.ge} or more" if bound.ge is not None else f"above {bound.gt}"
    most = f"{bound.le}" if bound.le is not None else f"below {bound.lt}"
    least = f"{bound.ge}" if bound.ge is not None else f"above {bound.gt}"
    return f"from {least} to {most}"
