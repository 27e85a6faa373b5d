"""Loading the state that planning needs: one consistent snapshot of the assets that news may concern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...storage.files.objects import present
from ...storage.meta import events, runs, versions
from ...storage.meta.engine import Transaction
from ..plan.state import AssetState, HeadState, LeafState, Request, State
from .project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state, and the heads it was made from, for those who pin them."""

    state: State
    heads: Mapping[str, versions.Head]


def load(
    project: Project,
    tx: Transaction,
    names: Sequence[str],
    *,
    requests: Mapping[str, Request] | None = None,
    failed: Iterable[str] = (),
    probes: Mapping[str, str] | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
) -> Snapshot:
    """How the named assets stand.

    Costs a fixed number of statements per 500 assets, and what is pending for them; not the history. Files are looked
    at only where a run may be planned.
    """
    assets = [project.catalogue.assets[name] for name in names]
    numbers = {project.ids.assets[asset.name]: asset.name for asset in assets}
    waits = [number for number, name in numbers.items() if project.graph.leaves[name]]
    wanted = {uri for asset in assets for uri in (*asset.outputs, *(one.uri for one in asset.inputs))}
    heads = versions.heads(tx, [project.ids.datasets[uri] for uri in wanted])
    by_uri = {head.uri: head for head in heads.values()}
    pending = events.pending(tx, waits) if waits else {}
    leaves: dict[str, dict[str, LeafState]] = {}
    if pending:
        uris = {project.ids.datasets[uri]: uri for name in numbers.values() for uri in project.graph.leaves[name]}
        for (asset_id, dataset_id), one in pending.items():
            leaves.setdefault(numbers[asset_id], {})[uris[dataset_id]] = LeafState(
                count=one.count, newest=one.newest, causes=one.causes, confirmed=one.confirmed
            )
    ticks: dict[str, dict[str, Any]] = {}
    timed = [
        (number, timetable.label)
        for number, name in numbers.items()
        for timetable in project.graph.timetables.get(name, ())
    ]
    for (asset_id, label), tick in events.last_ticks(tx, timed).items():
        ticks.setdefault(numbers[asset_id], {})[label] = tick
    standing = runs.standing(tx, list(numbers))
    asked = requests or {}
    states = {
        name: AssetState(
            registered_at=standing[number].registered_at,
            leaves=leaves.get(name, {}),
            ticks=ticks.get(name, {}),
            active=standing[number].active,
            made_from=_comparable(standing[number].made_from),
            complete=standing[number].made_from is not None,
            present=not (name in asked or name in leaves or name in project.graph.timetables)
            or all(
                present(by_uri[uri].manifest, project.place(uri))
                for uri in project.catalogue.assets[name].outputs
                if uri in by_uri
            ),
            probe=(probes or {}).get(name),
        )
        for number, name in numbers.items()
    }
    state = State(
        assets=states,
        heads={
            uri: HeadState(version_id=head.version_id, event_id=head.event_id, number=head.number, digest=head.digest)
            for uri, head in by_uri.items()
        },
        requests=asked,
        failed=frozenset(failed),
        parameters={
            name: {**project.parameters.get(name, {}), **(parameters or {}).get(name, {})} for name in numbers.values()
        },
        environment=project.environment,
    )
    return Snapshot(state=state, heads=by_uri)


def _comparable(made_from: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The parts to compare a new run key with: without the nonce of a forced run, which no later key repeats."""
    return None if made_from is None else {name: part for name, part in made_from.items() if name != "nonce"}
