"""The definitions of the project that a command is about: code of the project is imported here, and nowhere else."""

from __future__ import annotations

import traceback

import typer
from rich.console import Console

from ...assets.declare.conditions.leaves import DatasetLeaf, Fresh, Stale
from ...assets.declare.conditions.predicates import Both, Either
from ...assets.declare.conditions.tree import PATIENCE, AllOf, AnyOf, Condition, NOf, Settled, children_of
from ...assets.declare.conditions.walking import fold
from ...assets.declare.definitions import Definitions
from ...assets.declare.durations import as_text
from ...assets.declare.ticks.timetables import Cron, Every
from ...assets.plan.graph import Graph
from ...assets.run.project.foretold import Foretold
from ...storage.errors import UsageError
from ...storage.settings import ProjectSettings
from .console import err, say, say_verbatim
from .group import invocation
from .loading import load_apart
from .settings import settings_of


def definitions_of(ctx: typer.Context) -> tuple[ProjectSettings, Definitions]:
    """The settings, and the definitions that they name; of run parameters for no asset of theirs, a word of warning.

    Raises
    ------
    UsageError: the settings name none.
    """
    settings = settings_of(ctx)
    definitions = definitions_in(ctx, settings)
    for text in strangers(settings, definitions):
        say(err(), ("Warning: ", "bold yellow"), text)
    return settings, definitions


def definitions_in(ctx: typer.Context, settings: ProjectSettings, *, apart: bool = False) -> Definitions:
    """The definitions that the settings name; `apart`: what ends the process that loads them is a fault of theirs.

    Raises
    ------
    UsageError: they name none.
    """
    if not settings.values.definitions:
        raise UsageError(
            f"no definitions: {settings.file or settings.folder} names none",
            hint='Write definitions = ["pipeline.py"] into penstock.toml, or run `penstock init`.',
        )
    if apart and invocation(ctx).alone:
        definitions = load_apart(settings)
    else:
        definitions = Definitions.load(*settings.values.definitions, folder=settings.folder)
    if invocation(ctx).traceback:
        for one in definitions.unimported:
            if one.error is not None:
                say_verbatim(err(), "".join(traceback.format_exception(one.error)))
    return definitions


def show_foretold(console: Console, found: Foretold) -> None:
    """A sentence or two for each dataset that is divided otherwise, and for each backfill of which that leaves a part
    out."""
    for one in found.redivided:
        say(console, ("Partitions: ", "yellow"), one.text)
    for one in found.curtailed:
        say(console, ("Backfill: ", "yellow"), one.text)


def strangers(settings: ProjectSettings, definitions: Definitions) -> list[str]:
    """Run parameters that the settings give to an asset that is not there, each as a sentence."""
    if definitions.unimported:  # it may stand in what could not be imported
        return []
    return [
        f"the setting parameters.{name} has no effect: there is no asset {name}"
        + (f"; did you mean {near}?" if near else "")
        for name, near in settings.strangers(definitions.functions).items()
    ]


def spelled(condition: Condition | None, graph: Graph) -> str:
    """A condition in words, with the names of datasets; "" for none.

    `(chunks & vectors) | cron 0 3 * * * UTC`, `settled for 30s (docs)`, `all of (docs, labels) within 12h`,
    `docs where rows > 1000`, `2 of (docs, labels, stale 7d)`.
    """
    if condition is None:
        return ""
    return fold(condition, children_of, lambda node, parts: _spelled(node, parts, graph))


def _spelled(condition: Condition, parts: tuple[str, ...], graph: Graph) -> str:
    match condition:
        case DatasetLeaf() | Fresh():
            dataset = graph.catalogue.datasets.get(condition.uri)  # none for a pattern
            return (condition.uri if dataset is None else dataset.name) + condition.narrowing
        case Cron() | Every() | Stale():
            return condition.label
        case Settled(quiet=quiet, longest=longest):
            patience = "" if longest == PATIENCE * quiet else f", at most {as_text(longest)}"
            return f"settled for {as_text(quiet)}{patience} ({parts[0]})"
        case NOf(n=n):
            return f"{n} of ({', '.join(parts)})"
        case AllOf(within=within, aligned=aligned) if within is not None or aligned:
            said = (f"within {as_text(within)}" if within is not None else "", "aligned" if aligned else "")
            return f"all of ({', '.join(parts)}) {', '.join(filter(None, said))}"
        case AllOf() | AnyOf():
            sign = " & " if isinstance(condition, AllOf) else " | "
            return sign.join(map(_operand, condition.children, parts))
        case _:
            return type(condition).__name__


def _operand(child: Condition, text: str) -> str:
    """A part between `&` or `|`, in brackets where it would be read otherwise."""
    signs = isinstance(child, AnyOf) or (isinstance(child, AllOf) and child.within is None and not child.aligned)
    either = isinstance(child, DatasetLeaf) and isinstance(child.predicate, Either | Both)
    return f"({text})" if either or (signs and len(children_of(child)) > 1) else text
