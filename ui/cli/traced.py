"""Versions that lineage led to, as `penstock trace` and `penstock impact` tell them: a table, a tree, or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ...lineage.graph.graph import Direction
from ...storage.settings import ProjectSettings
from ..read.datasets import Consumers
from ..read.presence import absent
from ..read.store import Store
from ..read.tracing import Trace, Traced
from ..words.makings import made_again, named
from ..words.quantities import called, count, several, short_commit, short_id, size
from .branches import show_trees
from .console import Column, Gives, clean, fits, natural_widths, out, say, table
from .declared import CUT, plain_consumers, show_consumers
from .plain import plain, show

Version = Annotated[
    str,
    typer.Argument(
        metavar="VERSION|RUN",
        help="A dataset (its newest version), one version of it (chunks@3), the beginning of a digest, or a run.",
    ),
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="As of an earlier time: 2026-01-05T03:00Z, or -2h for two hours ago."),
]
Depth = Annotated[int, typer.Option("--depth", metavar="N", min=1, max=1000, help="At most so many steps away.")]
Most = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=100_000, help="At most so many versions.")]
Tree = Annotated[bool, typer.Option("--tree", help="As a tree.")]
Datasets = Annotated[
    bool, typer.Option("--datasets", help="Not versions but datasets, as assets are declared to make them of others.")
]


def tell(
    store: Store,
    settings: ProjectSettings,
    found: Trace,
    consumed: Consumers | None = None,
    *,
    nothing: str,
    tree: bool,
    json: bool,
) -> None:
    """The versions, and whether their bytes are there; and who consumes them, if that was asked."""
    lost = absent(store, settings, found.lines)
    if json:
        show({**_plain(found, lost), **({} if consumed is None else plain_consumers(consumed))})
        return
    console = out()
    if found.reader is not None:
        read = " What it had read:" if found.lines else ""
        say(console, (f"Run {short_id(found.reader)} made nothing.{read}", "yellow"))
    elif not found.others:
        say(console, (nothing, "dim"))
    if tree:
        lines = {one.node.id: one for one in found.lines}
        show_trees(console, found.graph, lambda node: _label(lines[node], found, lost))
    elif found.lines:
        _tabled(console, found, lost)
    if found.graph.is_cut:
        say(console, (CUT, "yellow"))
    if consumed is not None:
        show_consumers(console, consumed, tree=tree)


_COLUMNS = (
    Column(title="version"),
    Column(title="digest", style="cyan"),
    Column(title="rows", right=True),
    Column(title="size", right=True),
    Column(title="licence", gives=Gives.LAST),
    Column(title="made by"),
    Column(title="commit"),
    Column(title="parameters", gives=Gives.FIRST),
    Column(title="", gives=Gives.FIRST),
)


def _tabled(console: Console, found: Trace, lost: Mapping[int, str]) -> None:
    rows = [
        (
            named(one),
            called(one.version.digest, one.version.token),
            count(one.version.rows),
            size(one.version.size),
            one.licence or "",
            f"{one.asset} {short_id(one.run)}" if one.asset else "others",
            short_commit(one.commit, digits=8),
            ", ".join(f"{name}={value}" for name, value in one.parameters.items()),
            _marks(one, found, lost),
        )
        for one in found.lines
    ]
    used = [index for index, _ in enumerate(_COLUMNS) if any(row[index] for row in rows)]
    columns, cells = [_COLUMNS[index] for index in used], [[row[index] for index in used] for row in rows]
    if fits(natural_widths(columns, cells), [column.gives for column in columns], console.width):
        table(console, columns, cells)
        return
    for one in found.lines:  # two lines for each, where a table would break what is to be copied from it
        console.print(_head(one))
        console.print(Padding(Text(clean(_said(one, found, lost)), style="dim"), (0, 0, 0, 2), expand=False))


def _marks(one: Traced, found: Trace, lost: Mapping[int, str]) -> str:
    marks = [lost[one.version.id]] if one.version.id in lost else []
    marks += [] if one.version.held else ["observed, not held"]
    if found.graph.direction is Direction.DOWN:
        marks.append("newest" if one.is_newest else "bytes of the newest" if one.is_head else "replaced")
    marks += [again] if (again := made_again(one)) else []
    return ", ".join(marks)


def _label(one: Traced, found: Trace, lost: Mapping[int, str]) -> Text:
    return _head(one).append(clean(f"  {_said(one, found, lost)}"), style="dim not bold")


def _head(one: Traced) -> Text:
    return Text(clean(named(one)), style="bold").append(
        clean(f" {called(one.version.digest, one.version.token)}"), style="cyan not bold"
    )


def _said(one: Traced, found: Trace, lost: Mapping[int, str]) -> str:
    facts = [] if one.version.rows is None else [several(one.version.rows, "row")]
    facts += [one.licence] if one.licence else []
    facts += [f"by {one.asset} {short_id(one.run)}" if one.asset else "by others"]
    facts += [f"commit {short_commit(one.commit, digits=8)}"] if one.commit else []
    facts += [f"{name}={value}" for name, value in one.parameters.items()]
    facts += [marks] if (marks := _marks(one, found, lost)) else []
    return ", ".join(facts)


def _plain(found: Trace, lost: Mapping[int, str]) -> dict[str, Any]:
    """`id` names a version in `links` alone; `links` lead from inputs to outputs. `made` is every time that the same
    bytes were made; `reader` the run that was asked about, if it made nothing: the roots are what it had read."""
    return {
        "direction": found.graph.direction,
        "as_of": plain(found.as_of),
        "roots": list(found.graph.roots),
        "cut": found.graph.is_cut,
        "reader": found.reader,
        "versions": [_line(one, lost) for one in found.lines],
        "links": [{"input": one.input, "output": one.output, "run": one.by} for one in found.graph.links],
    }


def _line(one: Traced, lost: Mapping[int, str]) -> dict[str, Any]:
    return {
        "id": one.node.id,
        "dataset": one.version.dataset,
        "uri": one.version.uri,
        "partition": one.partition or None,
        "number": one.number,
        "made": [{"number": made.number, "run": made.run_id, "published_at": plain(made.at)} for made in one.made],
        "version": one.version.token,
        "digest": one.version.digest,
        "rows": one.version.rows,
        "size": one.version.size,
        "held": one.version.held,
        "lost": lost.get(one.version.id),
        "newest": one.is_head,
        "licence": one.licence,
        "published_at": plain(one.published_at),
        "asset": one.asset,
        "run": one.run,
        "commit": one.commit,
        "code": one.code,
        "parameters": plain(one.parameters),
        "depth": one.node.depth,
        "cut": one.node.cut,
    }
