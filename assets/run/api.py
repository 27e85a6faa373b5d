"""`materialize` and `plan`: what a program calls. The command line calls the same functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from ...storage.errors import UsageError
from ...storage.meta.database.engine import now as moment_of
from ...storage.settings import ProjectSettings, read_settings
from ..code.parameters import coerce
from ..declare.asset import AssetFunction
from ..declare.dataset import Dataset
from ..declare.definitions import Definitions
from ..declare.partitions.selection import selection_text
from ..plan.graph import Graph
from ..plan.planner import Plan
from ..plan.planner import plan as decide_plan
from ..plan.preview import Foreseen, preview
from ..plan.reasons import Reason
from ..plan.selection import select as selected
from ..plan.state import Request
from .backfilling.continuing import Wanted, make_and_go_on
from .explaining.ahead import awaiting_news, look_ahead, told_ahead, unasked
from .looking.sources import look, probe, unreadable
from .planning.snapshot import AskedPartitions, load
from .progress import Listener, Looked, Result
from .project.keys import asked_keys
from .project.project import Project, open_project
from .recovery import as_if_given_up, left_behind
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
    listener: called with each `Looked`, `Started` and `Outcome` as it happens; before these with `Foretold`, if changed
        definitions leave something of partitions or backfills.
    settings: settings that win over files and environment, e.g. `home="/tmp/x"`, `data_root="/tmp/x/data"`.

    Returns
    -------
    Result: one outcome an asset, or one a partition; `result.ok` is False when something failed. A failure raises
    nothing.

    Raises
    ------
    DefinitionError: the definitions have faults; nothing was run.
    UsageError: a selection or a parameter names what is not there, or a parameter what this call never comes to;
        `partitions` is no text.
    KeyboardInterrupt, SystemExit: Ctrl-C, or SIGTERM in the main thread (code 143): the run at work is canceled.

    >>> result = materialize([chunks, vectors])                             # doctest: +SKIP
    >>> [(one.asset, one.reason.text) for one in result.outcomes]           # doctest: +SKIP
    [('chunks', 'first build'), ('vectors', 'first build')]
    """
    keys = None if partitions is None else selection_text(partitions)
    known, definitions = prepared(things, project_folder, settings)
    try:
        with open_project(known, definitions) as project:
            names, typed = selected(project.graph, _texts(select)), typed_parameters(project, parameters or {})
            require_reached(project, names, typed, only=only)
            return make(project, names, force=force, parameters=typed, only=only, listener=listener, partitions=keys)
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
    """What a scheduler would do now with every asset, and why; nothing is run, and nothing written.

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
    with as_if_given_up(project, left) as trial:
        snapshot = load(trial.project, trial.tx, list(project.catalogue.assets), now=at)
    decided = decide_plan(project.graph, snapshot.state, snapshot.at)
    again = {(name, key): why for name, several in left.resumed.items() for key, why in several.items()}
    held = tuple(replace(one, reason=again.get((one.asset, one.partition), one.reason)) for one in decided.held)
    return replace(decided, held=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What would happen by the conditions alone: `changed` are the datasets that differ from their heads, `removed`
    those that are gone, `looked` is what was found at these, `next_wakeup` when time alone changes the answer."""

    at: datetime
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    assets: tuple[Foreseen, ...]
    next_wakeup: datetime | None
    looked: tuple[Looked, ...] = ()


def outlook(project: Project) -> Outlook:
    """What a scheduler would do with every asset of an open project now; looks at the sources, writes nothing."""
    graph, assets = project.graph, list(project.catalogue.assets)
    looked = look(project, graph.observed_above(assets), record=False)
    left = left_behind(project)
    divided = awaiting_news(project, assets)
    with as_if_given_up(project, left, writing=bool(divided or looked.unrecorded)) as trial:
        coming = _coming(left.resumed)
        ahead = look_ahead(trial, divided, looked, now=moment_of(trial.tx), asked=coming)
        keys = {name: one.all for name, one in ahead.items()}
        partitions = AskedPartitions(keys=keys, failed=looked.unseen)
        snapshot = load(trial.project, trial.tx, assets, partitions=partitions)
    state, at = snapshot.state, snapshot.at
    beside = unasked(project, ahead)
    foreseen = preview(graph, state, at, heard=frozenset(looked.events), resumed=left.resumed, unasked=beside)
    blocked = unreadable(project, looked)
    held = {name: Foreseen(asset=name, outcome="hold", reason=reason) for name, reason in blocked.items()}
    return Outlook(
        at=at,
        changed=tuple(graph.dataset_name(uri) for uri in looked.events if uri not in looked.removed),
        removed=tuple(graph.dataset_name(uri) for uri in looked.removed),
        assets=tuple(dict.fromkeys(held.get(one.asset, one) for one in told_ahead(foreseen, ahead))),
        next_wakeup=decide_plan(graph, state, at).next_wakeup,
        looked=tuple(one for one in looked.looked if one.name in set(map(graph.dataset_name, looked.events))),
    )


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
    assets = project.catalogue.assets
    with as_if_given_up(project, left, writing=bool(divided or looked.unrecorded)) as trial:
        moment = moment_of(trial.tx)
        known, asked = asked_keys(trial.project, trial.tx, names, partitions, moment)
        ahead = look_ahead(trial, divided, looked, now=moment, asked=_coming(resumed, asked))
        keys = {name: list(several) for name, several in asked.items()}
        for name, one in ahead.items():
            keys[name] = [*dict.fromkeys((*asked.get(name, ()), *one.all))]
        bare = {name for name in wave if assets[name].partitions is None}
        snapshot = load(
            trial.project,
            trial.tx,
            [name for name in wave if name not in failures and (name in bare or name in keys or name in resumed)],
            partitions=AskedPartitions(keys=keys, named=known.keys, failed=looked.unseen),
            requests={name: Request(nonce=nonce) for name in names},
            failed=_held_back(graph, names, failures),
            probes=probed.fingerprints,
            parameters=parameters,
        )
    held = [Foreseen(asset=name, outcome="hold", reason=reason) for name, reason in failures.items()]
    heard, beside = frozenset(looked.events), unasked(project, ahead, asked)
    foreseen = preview(graph, snapshot.state, snapshot.at, heard=heard, resumed=resumed, unasked=beside)
    told = told_ahead(foreseen, ahead, asked)
    return [*held, *(one for one in told if one.asset in asked or not one.reason.unnamed)]


def _coming(
    resumed: Mapping[str, Mapping[str, Reason]], asked: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> dict[str, Sequence[str]]:
    """Asset → the keys that are asked for, and those of which a run would be tried again."""
    again = {name: [key for key in several if key] for name, several in resumed.items()}
    return {name: [*asked.get(name, ()), *again.get(name, ())] for name in (*asked, *again)}


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
