"""The definitions of the project that a command is about: code of the project is imported here, and nowhere else."""

from __future__ import annotations

import traceback

import typer

from ...assets.declare.conditions import AllOf, AnyOf, Condition, NOf, children_of
from ...assets.declare.definitions import Definitions
from ...assets.declare.leaves import DatasetLeaf
from ...assets.declare.timetables import Cron, Every
from ...assets.plan.graph import Graph
from ...storage.errors import UsageError
from ...storage.settings import ProjectSettings
from .console import err, say_verbatim
from .group import invocation
from .settings import settings_of


def definitions_of(ctx: typer.Context) -> tuple[ProjectSettings, Definitions]:
    """The settings, and the definitions that they name.

    Raises
    ------
    UsageError: the settings name none.
    """
    settings = settings_of(ctx)
    if not settings.values.definitions:
        raise UsageError(
            f"no definitions: {settings.file or settings.folder} names none",
            hint='Write definitions = ["pipeline.py"] into penstock.toml, or run `penstock init`.',
        )
    definitions = Definitions.load(*settings.values.definitions, folder=settings.folder)
    if invocation(ctx).traceback:
        for one in definitions.unimported:
            if one.error is not None:
                say_verbatim(err(), "".join(traceback.format_exception(one.error)))
    return settings, definitions


def spelled(condition: Condition | None, graph: Graph) -> str:
    """A condition as one writes it, with the names of datasets: `(chunks & vectors) | cron 0 3 * * * UTC`; "" for
    none."""
    match condition:
        case None:
            return ""
        case DatasetLeaf(uri=uri, confirmed=confirmed):
            return graph.dataset_name(uri) + (".updated()" if confirmed else "")
        case Cron() | Every():
            return condition.label
        case NOf(n=n, children=children):
            return f"{n} of ({', '.join(spelled(child, graph) for child in children)})"
        case AllOf() | AnyOf():
            sign = " & " if isinstance(condition, AllOf) else " | "
            parts = (spelled(child, graph) for child in condition.children)
            inner = (child for child in condition.children)
            return sign.join(
                f"({text})" if isinstance(child, AllOf | AnyOf) and len(children_of(child)) > 1 else text
                for text, child in zip(parts, inner, strict=True)
            )
        case _:
            return type(condition).__name__
