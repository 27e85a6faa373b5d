"""The definitions of the project that a command is about: code of the project is imported here, and nowhere else."""

from __future__ import annotations

import typer

from ...assets.declare.conditions import AllOf, AnyOf, Condition, DatasetLeaf, NOf, children_of
from ...assets.declare.definitions import Definitions
from ...assets.declare.timetables import Cron, Every
from ...assets.plan.graph import Graph
from ...assets.run.api import prepared
from ...storage.settings import ProjectSettings
from .project import settings_of


def definitions_of(ctx: typer.Context) -> tuple[ProjectSettings, Definitions]:
    """The settings, and the definitions that they name.

    Raises
    ------
    UsageError: the settings name no definitions.
    DefinitionError: a module or file cannot be imported.
    """
    return prepared(None, settings_of(ctx).folder, {})


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
