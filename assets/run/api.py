"""`materialize` and `plan`: what a program calls. The command line calls the same functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from ...storage.errors import UsageError
from ...storage.meta.database.engine import now as moment_of
from ...storage.settings import ProjectSettings, read_settings
from ..code.parameters import coerce
from ..declare.asset import AssetFunction
from ..declare.dataset import Dataset
from ..declare.definitions import Definitions
from ..plan.graph import Graph
from ..plan.planner import Plan
from ..plan.planner import plan as decide_plan
from ..plan.preview import Foreseen, preview
from ..plan.selection import select as selected
from ..plan.state import Request
from .backfilling.continuing import Wanted, make_and_go_on
from .explaining.ahead import awaiting_news, look_ahead, told_ahead
from .looking.sources import Look, look, probe, unreadable
from .planning.snapshot import AskedPartitions, Snapshot, load
from .progress import Listener, Result
from .project.keys import asked_keys
from .project.project import Project, open_project
from .recovery import LeftBehind, as_if_given_up, left_behind
from .termination import Terminated

Things = AssetFunction | Dataset | ModuleType
"""What can be handed over as definitions: assets, datasets, modules that hold them."""


def materialize(
    things: Things | Iterable[Things] | Definitions | None = None,
    *,
    select: str | Sequence[str] = (),
    force: bool = False,
    parameters: Mapping[str, Any] | None = None,
    only: bool = False,
    partitions: str | None = None,
    project_folder: str | Path | None = None,
    listener: Listener | None = None,
    **settings: Any,
) -> Result:
    """Make what is not up to date, inline, to the end of the wave that it causes.

    The selected assets are made whatever their condition says, each after what is upstream of it; then whatever their
    news makes due downstream. An asset whose run key equals that of its head is skipped: unchanged.

    Parameters
    ----------
    things: assets, or modules of them; without it, the definitions that the project's settings name.
    select: graph syntax, e.g. `"+chunks"`, `["tag:nightly", "vectors+"]`; without it, everything.
    force: make them although nothing changed.
    parameters: run parameters for this once, `{"ranker.epochs": 5}`.
    only: the selection alone; what its news makes due downstream stays pending.
    partitions: the keys to make, of assets that have partitions: `"2026-01-01..2026-01-05"`, `"last:7"`, `"eu,us"`,
        `"all"`, `"day=last:7;region=eu"`. They are those of the assets that no other selected one with partitions
        reads; of the others the keys are made that are read.
    project_folder: where settings are looked for; by default the working directory and its parents.
    listener: called with each `Looked`, `Started` and `Outcome` as it happens.
    settings: settings that win over files and environment, e.g. `home="/tmp/x"`, `data_root="/tmp/x/data"`.

    Returns
    -------
    Result: one outcome an asset, or one a partition; `result.ok` is False when something failed. A failure raises
    nothing.

    Raises
    ------
    DefinitionError: the definitions have faults; nothing was run.
    UsageError: a selection or a parameter names what is not there, or a parameter what this call never comes to.
    KeyboardInterrupt, SystemExit: Ctrl-C, or SIGTERM in the main thread (code 143): the run at work is canceled.

    >>> result = materialize([chunks, vectors])                             # doctest: +SKIP
    >>> [(one.asset, one.reason.text) for one in result.outcomes]           # doctest: +SKIP
    [('chunks', 'first build'), ('vectors', 'first build')]
    """
    known, definitions = prepared(things, project_folder, settings)
    try:
        with open_project(known, definitions) as project:
            names, typed = selected(project.graph, _texts(select)), typed_parameters(project, parameters or {})
            require_reached(project, names, typed, only=only)
            return make(
                project, names, force=force, parameters=typed, only=only, listener=listener, partitions=partitions
            )
    except Terminated as error:  # SIGTERM: an interrupt of the keyboard would end the process with another code
        raise SystemExit(error.exit_code) from error


def make(
    project: Project,
    names: Sequence[str],
    *,
    force: bool = False,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    only: bool = False,
    listener: Listener | None = None,
    partitions: str | None = None,
) -> Result:
    """`materialize` in an open project; then goes on with the backfills that a process that is gone has left, and makes
    what was asked for and was held for want of what they made."""
    asked = Wanted(names=tuple(names), partitions=partitions, force=force, parameters=parameters or {}, only=only)
    return make_and_go_on(project, asked, listener=listener)


def plan(
    things: Things | Iterable[Things] | Definitions | None = None,
    *,
    at: datetime | None = None,
    project_folder: str | Path | None = None,
    **settings: Any,
) -> Plan:
    """What a scheduler would do now with every asset, and why; nothing is run, and nothing written but the registration
    where there is a store.

    Parameters
    ----------
    at: another time than now, aware.

    The others are those of `materialize`.
    """
    if at is not None and at.tzinfo is None:
        raise UsageError(
            f"plan(at={at.isoformat()}) has no time zone", hint="Write e.g. datetime(2026, 1, 5, 3, tzinfo=UTC)."
        )
    known, definitions = prepared(things, project_folder, settings)
    with open_project(known, definitions, planning=True) as project:
        return standing_plan(project, at)


def standing_plan(project: Project, at: datetime | None = None) -> Plan:
    """What a scheduler would do with every asset of an open project at this time, or now, as far as the store tells.

    What a dead process left behind comes first: a run that would be tried again is held, by that; one that would be
    ended counts as ended.
    """
    left = left_behind(project)
    snapshot = _standing(project, left, at)
    decided = decide_plan(project.graph, snapshot.state, snapshot.at)
    held = tuple(replace(one, reason=left.resumed.get(one.asset, one.reason)) for one in decided.held)
    return replace(decided, held=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What would happen by the conditions alone: `changed` are the datasets that differ from their heads, `removed`
    those that are gone, `next_wakeup` is when time alone changes the answer."""

    at: datetime
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    assets: tuple[Foreseen, ...]
    next_wakeup: datetime | None


def outlook(project: Project) -> Outlook:
    """What a scheduler would do with every asset of an open project now; looks at the sources, writes nothing."""
    graph = project.graph
    looked = look(project, graph.observed_above(project.catalogue.assets), record=False)
    moved, removed, told = _moved(looked)
    left = left_behind(project)
    divided = awaiting_news(project, project.catalogue.assets)
    with as_if_given_up(project, left, writing=bool(divided)) as tx:
        ahead = look_ahead(project, tx, divided, looked, now=moment_of(tx))
        keys = AskedPartitions(keys={name: one.keys for name, one in ahead.items()})
        snapshot = load(project, tx, list(project.catalogue.assets), partitions=keys)
    state, at = snapshot.state, snapshot.at
    foreseen = preview(graph, state, at, moved=moved, removed=removed, told=told, resumed=left.resumed)
    blocked = unreadable(project, looked)
    held = {name: Foreseen(asset=name, outcome="hold", reason=reason) for name, reason in blocked.items()}
    return Outlook(
        at=at,
        changed=tuple(graph.dataset_name(uri) for uri in looked.events if uri not in removed),
        removed=tuple(graph.dataset_name(uri) for uri in looked.removed),
        assets=tuple(dict.fromkeys(held.get(one.asset, one) for one in told_ahead(foreseen, ahead))),
        next_wakeup=decide_plan(graph, state, at).next_wakeup,
    )


def _moved(looked: Look) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The datasets that differ from their heads, those that are gone, and those whose partitions differ from theirs."""
    told = frozenset(looked.unrecorded)
    return frozenset(looked.events) - told, frozenset(looked.removed), told


def _standing(project: Project, left: LeftBehind, at: datetime | None = None) -> Snapshot:
    with as_if_given_up(project, left) as tx:
        return load(project, tx, list(project.catalogue.assets), now=at)


def foresee(
    project: Project,
    names: Sequence[str],
    *,
    force: bool = False,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    only: bool = False,
    partitions: str | None = None,
) -> list[Foreseen]:
    """What `materialize` would do with these assets and downstream of them; looks at the sources, writes nothing."""
    graph = project.graph
    looked = look(project, graph.observed_above(names), record=False)
    reached = [] if only else [name for uri in looked.events for name in graph.waiting.get(uri, ())]
    left = left_behind(project)
    resumed = {name: why for name, why in left.resumed.items() if name in graph.depth}
    start = [*names, *resumed]
    wave = graph.in_order(set(start)) if only else graph.in_order(graph.reach([*start, *reached], graph.downstream))
    probed = probe(project, wave)
    failures = {**unreadable(project, looked), **probed.failures}
    nonce = "dry run" if force else None
    divided = [] if only else [name for name in awaiting_news(project, wave) if name not in failures]
    with as_if_given_up(project, left, writing=bool(divided)) as tx:
        ahead = look_ahead(project, tx, divided, looked, now=moment_of(tx))
        known, keys = asked_keys(project, tx, names, partitions, moment_of(tx))
        assets = project.catalogue.assets
        snapshot = load(
            project,
            tx,
            # Of partitions those that are asked for; what news concerns is foreseen beside them.
            [name for name in wave if name not in failures and (name in keys or assets[name].partitions is None)],
            partitions=AskedPartitions(keys=keys, named=known.keys, failed=looked.unseen),
            requests={name: Request(nonce=nonce) for name in names},
            failed=_held_back(graph, names, failures),
            probes=probed.fingerprints,
            parameters=parameters,
        )
        further = {name: [one for one in each.keys if one not in keys.get(name, ())] for name, each in ahead.items()}
        by_news = [name for name, each in further.items() if each]
        # As a planner looks at them: nobody has asked for these.
        beside = load(project, tx, by_news, partitions=AskedPartitions(keys=further, failed=looked.unseen))
    moved, removed, told = _moved(looked)
    held = [Foreseen(asset=name, outcome="hold", reason=reason) for name, reason in failures.items()]
    asked = preview(graph, snapshot.state, snapshot.at, moved=moved, removed=removed, told=told, resumed=resumed)
    by_news_too = told_ahead(preview(graph, beside.state, beside.at, told=told), ahead)
    return [*held, *(one for one in asked if one.partition or one.asset not in by_news), *by_news_too]


def _held_back(graph: Graph, names: Sequence[str], failures: Iterable[str]) -> set[str]:
    """The assets that cannot be made for what is outside, and those of `names` that they hold back."""
    failed = set(failures)
    for name in graph.in_order(names):
        if not failed.isdisjoint(graph.upstream[name]):
            failed.add(name)
    return failed


def prepared(
    things: Things | Iterable[Things] | Definitions | None,
    project_folder: str | Path | None,
    settings: Mapping[str, Any],
) -> tuple[ProjectSettings, Definitions]:
    """The settings, and the definitions that were handed over or that the settings name.

    Raises
    ------
    UsageError: neither says where the definitions are.
    """
    known = read_settings(None if project_folder is None else Path(project_folder), **settings)
    if isinstance(things, Definitions):
        return known, things
    if things is None:
        if not known.values.definitions:
            raise UsageError(
                f"no definitions: {known.file or known.folder} names none",
                hint='Write definitions = ["pipeline.py"] into penstock.toml, or run `penstock init`.',
            )
        return known, Definitions.load(*known.values.definitions, folder=known.folder)
    several = [things] if isinstance(things, AssetFunction | Dataset | ModuleType) else list(things)
    return known, Definitions(*several)


def typed_parameters(project: Project, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`{"ranker.epochs": "5"}` as `{"ranker": {"epochs": 5}}`, checked against what the producers declare.

    Raises
    ------
    UsageError: there is no such asset or parameter, or the value is not of its type.
    """
    found: dict[str, dict[str, Any]] = {}
    for key, value in given.items():
        name, _, parameter = key.rpartition(".")
        asset = project.catalogue.assets.get(name)
        declared = [] if asset is None else [one.name for one in asset.parameters]
        if asset is None or parameter not in declared:
            raise UsageError(
                f"there is no run parameter {key!r}",
                hint=f"Asset {name} has: {', '.join(declared) or 'none'}."
                if asset is not None
                else "Write ASSET.PARAMETER=VALUE; `penstock list` shows the assets.",
            )
        found.setdefault(name, {})[parameter] = coerce(project.functions[name].function, parameter, value, plain=True)
    return found


def require_reached(
    project: Project, names: Sequence[str], parameters: Mapping[str, Mapping[str, Any]], *, only: bool
) -> None:
    """Every asset that is given a run parameter may be made by a materialization of these names.

    Raises
    ------
    UsageError: one is not selected, and no news of the selection, or of what is looked at for it, leads to it.
    """
    graph = project.graph
    looked = () if only else graph.observed_above(names)
    start = [*names, *(one for uri in looked for one in graph.waiting.get(uri, ()))]
    reached = set(names) if only else set(graph.reach(start, graph.downstream))
    for name, given in parameters.items():
        if name not in reached:
            raise UsageError(
                f"the run parameter {name}.{next(iter(given))} would have no effect: {name} is not selected"
                + ("" if only else ", and nothing that is selected leads to it"),
                hint=f"Select {name} too, or leave the parameter out.",
            )


def unused(parameters: Mapping[str, Mapping[str, Any]], decided: Iterable[str]) -> list[str]:
    """The run parameters (`"ranker.epochs"`) of assets for which no run was decided, so that nothing came of them.

    Parameters
    ----------
    decided: the assets that ran, would run, or are up to date with these very parameters.
    """
    known = set(decided)
    return [f"{name}.{one}" for name, given in parameters.items() if name not in known for one in given]


def _texts(select: str | Sequence[str]) -> list[str]:
    return [select] if isinstance(select, str) else list(select)
