"""Python objects of pickles, held against the class that an annotation names, as a JSON value is against its type.

The class is asked of the producer itself: the catalogue holds no object of the user's. What is no class at run time (a
protocol, a union, a name that is imported under `if TYPE_CHECKING` alone) holds nothing.
"""

from __future__ import annotations

from typing import Any

from ....storage import uri as uris
from ....storage.errors import ValueMismatch
from ....storage.files.json_types import article
from ....storage.types import ValueKind
from ...code.annotations import signature
from ...code.outputs import EACH, WHOLE
from ...declare.catalogue import Asset, Input
from ..project.project import Project


def require_input(project: Project, asset: Asset, one: Input, value: Any) -> None:
    """Nothing, unless it raises.

    Raises
    ------
    ValueMismatch: it is an object of another class than the parameter names.
    """
    if one.kind is not ValueKind.OBJECT or value is None:
        return
    read = signature(project.functions[asset.name].function).inputs
    wrong = _mismatch(value, next((each.found for each in read if each.name == one.parameter), None))
    if wrong:
        raise ValueMismatch(
            f"input {project.graph.dataset_name(one.uri)}: {wrong} (annotation {one.parameter}: {one.annotation}, "
            f"suffix {uris.suffix(one.uri)!r})",
            hint=f"Annotate it as what the dataset holds ({one.parameter}: Any takes every Python object), or make the "
            "dataset what the annotation says.",
        )


def require_output(project: Project, asset: Asset, uri: str, value: Any) -> None:
    """Nothing, unless it raises.

    Raises
    ------
    ValueMismatch: what the producer gave for the output is an object of another class than its annotation names.
    """
    form = asset.given(uri)
    if form.kind is not ValueKind.OBJECT:
        return
    classes = signature(project.functions[asset.name].function).returns.classes
    name = project.graph.dataset_name(uri)
    wrong = _mismatch(value, classes.get(name, classes.get(EACH)) if asset.several else classes.get(WHOLE))
    if wrong:
        raise ValueMismatch(
            f"dataset {name!r}: {wrong} (annotation {form.annotation}, suffix {uris.suffix(uri)!r}, format pickle)",
            hint="Return what the annotation says, or change the annotation: Any gives every Python object.",
        )


def _mismatch(value: object, named: type | None) -> str:
    if named is None or getattr(named, "_is_protocol", False) or isinstance(value, named):
        return ""
    return f"the value is {article(_title(type(value)))}, not {article(_title(named))}"


def _title(one: type) -> str:
    return one.__qualname__ if one.__module__ == "builtins" else f"{one.__module__}.{one.__qualname__}"
