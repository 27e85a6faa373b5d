"""Catalogues as plain JSON data and back, without loss: what the store keeps of definitions.

The form is persisted: it carries a version, and a golden file holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...storage.errors import DatabaseFault
from ...storage.manifest import Column
from ...storage.types import FORMAT_VERSION, Capture, Consume, OnError, OnRegister, OnResume, Publish, ValueKind
from .catalogue import Asset, Catalogue, Input, Parameter
from .conditions import AllOf, AnyOf, Condition, NOf, Settled
from .dataset import Dataset
from .durations import as_duration, as_text
from .faults import Location
from .leaves import DatasetLeaf, Fresh, Stale
from .policies import Deadline, Each, Policies, RetryPolicy
from .predicates import predicate_from_plain, predicate_to_plain
from .ticks.plain import timetable_from_plain, timetable_to_plain
from .timetables import Cron, Every

Plain = dict[str, Any]


def to_plain(catalogue: Catalogue) -> Plain:
    """The catalogue as JSON-ready data; `from_plain` gives an equal one back."""
    return {
        "v": FORMAT_VERSION,
        "assets": [asset_to_plain(asset) for asset in catalogue.assets.values()],
        "datasets": [dataset_to_plain(dataset) for dataset in catalogue.datasets.values()],
    }


def from_plain(plain: Mapping[str, Any]) -> Catalogue:
    """The catalogue that `to_plain` wrote.

    Raises
    ------
    DatabaseFault: it is written in a newer form than this penstock reads.
    """
    if plain.get("v") != FORMAT_VERSION:
        raise DatabaseFault(
            f"definitions are written in form {plain.get('v')!r}, this penstock reads form {FORMAT_VERSION}",
            hint="Upgrade penstock to the version that wrote them.",
        )
    assets = [asset_from_plain(asset) for asset in plain["assets"]]
    datasets = [dataset_from_plain(dataset) for dataset in plain["datasets"]]
    return Catalogue(
        assets={asset.name: asset for asset in assets}, datasets={dataset.uri: dataset for dataset in datasets}
    )


def asset_to_plain(asset: Asset) -> Plain:
    """One asset as JSON-ready data."""
    return {
        "name": asset.name,
        "outputs": list(asset.outputs),
        "condition": None if asset.condition is None else condition_to_plain(asset.condition),
        "inputs": [
            {
                "parameter": one.parameter,
                "uri": one.uri,
                "kind": None if one.kind is None else one.kind.value,
                "optional": one.optional,
                "expects": _columns(one.expects),
            }
            for one in asset.inputs
        ],
        "parameters": [{"name": one.name, "type": one.type, "default": one.default} for one in asset.parameters],
        "returns": None if asset.returns is None else asset.returns.value,
        "several": asset.several,
        "context": asset.context,
        "producer": asset.producer,
        "code": asset.code,
        "source": asset.source,
        "kind": asset.kind,
        "description": asset.description,
        "previously": asset.previously,
        "policies": _policies(asset.policies),
        "location": _location(asset.location),
    }


def asset_from_plain(plain: Mapping[str, Any]) -> Asset:
    """The asset that `asset_to_plain` wrote."""
    return Asset(
        name=plain["name"],
        outputs=tuple(plain["outputs"]),
        condition=None if plain["condition"] is None else condition_from_plain(plain["condition"]),
        inputs=tuple(
            Input(
                parameter=one["parameter"],
                uri=one["uri"],
                kind=None if one["kind"] is None else ValueKind(one["kind"]),
                optional=one["optional"],
                expects=_as_columns(one["expects"]),
            )
            for one in plain["inputs"]
        ),
        parameters=tuple(Parameter(**one) for one in plain["parameters"]),
        returns=None if plain["returns"] is None else ValueKind(plain["returns"]),
        several=plain["several"],
        context=plain["context"],
        producer=plain["producer"],
        code=plain["code"],
        source=plain["source"],
        kind=plain["kind"],
        description=plain["description"],
        previously=plain["previously"],
        policies=_as_policies(plain["policies"]),
        location=_as_location(plain["location"]),
    )


def dataset_to_plain(dataset: Dataset) -> Plain:
    """One dataset as JSON-ready data."""
    return {
        "uri": dataset.uri,
        "name": dataset.name,
        "watch": None if dataset.watch is None else as_text(dataset.watch),
        "capture": dataset.capture.value,
        "licence": dataset.licence,
        "owners": list(dataset.owners),
        "tags": list(dataset.tags),
        "description": dataset.description,
        "columns": _columns(dataset.columns),
        "location": _location(dataset.location),
    }


def dataset_from_plain(plain: Mapping[str, Any]) -> Dataset:
    """The dataset that `dataset_to_plain` wrote."""
    return Dataset(
        plain["uri"],
        name=plain["name"],
        watch=plain["watch"],
        capture=Capture(plain["capture"]),
        licence=plain["licence"],
        owners=plain["owners"],
        tags=plain["tags"],
        description=plain["description"],
        columns=_as_columns(plain["columns"]),
        location=_as_location(plain["location"]),
    )


def condition_to_plain(condition: Condition) -> Plain:
    """A condition as JSON-ready data: one key names what the node or leaf is.

    >>> condition_to_plain(Every("6h"))
    {'every': '6h'}
    """
    match condition:
        case DatasetLeaf():
            return _leaf_to_plain(condition)
        case Fresh(uri=uri, age=age):
            return {"fresh": uri, "age": as_text(age)}
        case Stale(age=age):
            return {"stale": as_text(age)}
        case Cron() | Every():
            return timetable_to_plain(condition)
        case Settled(child=child, quiet=quiet, longest=longest):
            return {"settle": condition_to_plain(child), "quiet": as_text(quiet), "max_wait": as_text(longest)}
        case AllOf(children=children, within=within, aligned=aligned):
            plain: Plain = {"all_of": [condition_to_plain(child) for child in children]}
            if within is not None:
                plain["within"] = as_text(within)
            return {**plain, "aligned": True} if aligned else plain
        case AnyOf(children=children):
            return {"any_of": [condition_to_plain(child) for child in children]}
        case NOf(n=n, children=children):
            return {"n_of": n, "children": [condition_to_plain(child) for child in children]}
        case _:
            raise TypeError(f"{type(condition).__name__} has no plain form")


def condition_from_plain(plain: Mapping[str, Any]) -> Condition:
    """The condition that `condition_to_plain` wrote.

    Raises
    ------
    DatabaseFault: it is of a kind that this penstock does not know.
    """
    match plain:
        case {"dataset": _, "confirmed": _}:
            return _leaf_from_plain(plain)
        case {"fresh": uri, "age": age}:
            return Fresh(uri=uri, age=as_duration(age))
        case {"stale": age}:
            return Stale(age=as_duration(age))
        case {"cron": _, "tz": _} | {"every": _}:
            return timetable_from_plain(plain)
        case {"settle": child, "quiet": quiet, "max_wait": longest}:
            return Settled(child=condition_from_plain(child), quiet=as_duration(quiet), longest=as_duration(longest))
        case {"all_of": children}:
            within = plain.get("within")
            return AllOf(
                children=tuple(condition_from_plain(child) for child in children),
                within=None if within is None else as_duration(within),
                aligned=plain.get("aligned", False),
            )
        case {"any_of": children}:
            return AnyOf(children=tuple(condition_from_plain(child) for child in children))
        case {"n_of": n, "children": children}:
            return NOf(n=n, children=tuple(condition_from_plain(child) for child in children))
        case _:
            raise DatabaseFault(
                f"a stored condition has the keys {sorted(plain)}, which this penstock does not know",
                hint="Upgrade penstock to the version that wrote it.",
            )


def _leaf_to_plain(leaf: DatasetLeaf) -> Plain:
    """What is said beyond the dataset stands in it only where it is said."""
    plain: Plain = {"dataset": leaf.uri, "confirmed": leaf.confirmed}
    if leaf.removal:
        plain["removal"] = True
    if leaf.least != 1:
        plain["least"] = leaf.least
    if leaf.predicate is not None:
        plain["where"] = predicate_to_plain(leaf.predicate)
    if isinstance(leaf.timetable, Cron | Every):
        plain["since"] = timetable_to_plain(leaf.timetable)
    if leaf.match:
        plain["match"] = True
    return plain


def _leaf_from_plain(plain: Mapping[str, Any]) -> DatasetLeaf:
    where, since = plain.get("where"), plain.get("since")
    return DatasetLeaf(
        uri=plain["dataset"],
        confirmed=plain["confirmed"],
        removal=plain.get("removal", False),
        least=plain.get("least", 1),
        predicate=None if where is None else predicate_from_plain(where),
        timetable=None if since is None else timetable_from_plain(since),
        match=plain.get("match", False),
    )


def _policies(policies: Policies) -> Plain:
    retries = policies.retries
    return {
        "retries": {
            "max_attempts": retries.max_attempts,
            "delay": as_text(retries.delay),
            "backoff": retries.backoff,
            "max_delay": as_text(retries.max_delay),
        },
        "max_active_runs": policies.max_active_runs,
        "consume": _consume(policies.consume),
        "publish": policies.publish.value,
        "pure": policies.pure,
        "pause_after": policies.pause_after,
        "on_resume": policies.on_resume.value,
        "on_register": policies.on_register.value,
        "deadline": _deadline(policies.deadline),
        "group": policies.group,
        "tags": list(policies.tags),
        "owners": list(policies.owners),
    }


def _as_policies(plain: Mapping[str, Any]) -> Policies:
    retries = plain["retries"]
    return Policies(
        retries=RetryPolicy(
            retries["max_attempts"],
            delay=retries["delay"],
            backoff=retries["backoff"],
            max_delay=retries["max_delay"],
        ),
        max_active_runs=plain["max_active_runs"],
        consume=_as_consume(plain["consume"]),
        publish=Publish(plain["publish"]),
        pure=plain["pure"],
        pause_after=plain["pause_after"],
        on_resume=OnResume(plain["on_resume"]),
        on_register=OnRegister(plain["on_register"]),
        deadline=_as_deadline(plain["deadline"]),
        group=plain["group"],
        tags=tuple(plain["tags"]),
        owners=tuple(plain["owners"]),
    )


def _consume(consume: Consume | Each) -> str | Plain:
    return {"each": consume.uri, "on_error": consume.on_error.value} if isinstance(consume, Each) else consume.value


def _as_consume(plain: str | Mapping[str, Any]) -> Consume | Each:
    if isinstance(plain, str):
        return Consume(plain)
    return Each(uri=plain["each"], on_error=OnError(plain["on_error"]))


def _deadline(deadline: Deadline | None) -> Plain | None:
    if deadline is None or not isinstance(deadline.timetable, Cron | Every):
        return None
    return {"at": timetable_to_plain(deadline.timetable), "then": deadline.then.value}


def _as_deadline(plain: Mapping[str, Any] | None) -> Deadline | None:
    return None if plain is None else Deadline(timetable_from_plain(plain["at"]), then=plain["then"])


def _columns(columns: tuple[Column, ...] | None) -> list[list[str]] | None:
    return None if columns is None else [[column.name, column.type] for column in columns]


def _as_columns(plain: list[list[str]] | None) -> tuple[Column, ...] | None:
    return None if plain is None else tuple(Column(name=name, type=kind) for name, kind in plain)


def _location(location: Location | None) -> Plain | None:
    return None if location is None else {"file": location.file, "line": location.line}


def _as_location(plain: Mapping[str, Any] | None) -> Location | None:
    return None if plain is None else Location(file=plain["file"], line=plain["line"])
