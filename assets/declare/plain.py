"""Catalogues as plain JSON data and back, without loss: what the store keeps of definitions.

The form is persisted: it carries a version, and a golden file holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from ...storage.errors import DatabaseFault
from ...storage.manifest import Column
from ...storage.types import (
    FORMAT_VERSION,
    Capture,
    Consume,
    JsonType,
    OnDeadline,
    OnError,
    OnRegister,
    OnResume,
    Publish,
    ValueKind,
)
from ..code.outputs import OutputForm
from .catalogue import Asset, Catalogue, Input, Parameter
from .conditions.plain import condition_from_plain, condition_to_plain
from .dataset import Dataset
from .durations import as_text
from .faults import Location
from .limits import limit_from_plain, limit_to_plain, slots_from_plain, slots_to_plain
from .partitions.mapping.mappings import mapping_from_plain, mapping_to_plain
from .partitions.partition import Partitioning
from .partitions.plain import partitioning_from_plain, partitioning_to_plain
from .policies import POLICIES, Deadline, Each, Policies
from .retrying import (
    CLOCKS,
    RetryPolicy,
    Timeouts,
    retries_from_plain,
    retries_to_plain,
    timeouts_from_plain,
    timeouts_to_plain,
)
from .ticks.plain import timetable_from_plain, timetable_to_plain
from .ticks.timetables import Cron, Every

Word = TypeVar("Word", bound=StrEnum)
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
    """One asset as JSON-ready data. What is about partitions stands in it only where it is said."""
    plain: Plain = {
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
                **({} if one.mapping is None else {"mapping": mapping_to_plain(one.mapping)}),
                **_json(one.json),
                **_said("annotation", one.annotation),
                **({} if one.key_column is None else {"key_column": one.key_column}),
            }
            for one in asset.inputs
        ],
        "parameters": [{"name": one.name, "type": one.type, "default": one.default} for one in asset.parameters],
        **_form(asset.returns),
        **_said("fields", {uri: _form(one) for uri, one in asset.fields.items()}),
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
    if asset.partition is not None:
        plain["partition"] = asset.partition
    if asset.partitions is not None:
        plain["partitions"] = partitioning_to_plain(asset.partitions)
    return plain


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
                mapping=None if "mapping" not in one else mapping_from_plain(one["mapping"]),
                json=_as_json(one),
                annotation=one.get("annotation", ""),
                key_column=one.get("key_column"),
            )
            for one in plain["inputs"]
        ),
        parameters=tuple(Parameter(**one) for one in plain["parameters"]),
        returns=_as_form(plain),
        fields={uri: _as_form(one) for uri, one in plain.get("fields", {}).items()},
        several=plain["several"],
        context=plain["context"],
        partition=plain.get("partition"),
        partitions=_as_partitions(plain),
        producer=plain["producer"],
        code=plain["code"],
        source=plain["source"],
        kind=plain["kind"],
        description=plain["description"],
        previously=plain["previously"],
        policies=policies_from_plain(plain["policies"]),
        location=_as_location(plain["location"]),
    )


def dataset_to_plain(dataset: Dataset) -> Plain:
    """One dataset as JSON-ready data."""
    plain: Plain = {
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
    if dataset.aliases:
        plain["aliases"] = list(dataset.aliases)
    if dataset.partitions is not None:
        plain["partitions"] = partitioning_to_plain(dataset.partitions)
    return plain


def dataset_from_plain(plain: Mapping[str, Any]) -> Dataset:
    """The dataset that `dataset_to_plain` wrote."""
    return Dataset(
        plain["uri"],
        name=plain["name"],
        aliases=plain.get("aliases", ()),
        watch=plain["watch"],
        capture=Capture(plain["capture"]),
        licence=plain["licence"],
        owners=plain["owners"],
        tags=plain["tags"],
        description=plain["description"],
        columns=_as_columns(plain["columns"]),
        partitions=_as_partitions(plain),
        location=_as_location(plain["location"]),
    )


def _as_partitions(plain: Mapping[str, Any]) -> Partitioning | None:
    return partitioning_from_plain(plain["partitions"]) if "partitions" in plain else None


def _policies(policies: Policies) -> Plain:
    plain: Plain = {
        "retries": retries_to_plain(policies.retries),
        **({} if policies.timeout is None else {"timeout": timeouts_to_plain(policies.timeout)}),
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
        **_said("pool", None if policies.pool is None else slots_to_plain(policies.pool)),
        **_said("priority", policies.priority),
        **_said("limits", [limit_to_plain(one) for one in policies.limits]),
    }
    return plain if policies.notify is None else {**plain, "notify": list(policies.notify)}


def policies_from_plain(plain: Mapping[str, Any]) -> Policies:
    """The policies as `asset_to_plain` wrote them."""
    _refuse({*plain} - {*POLICIES}, of="policies")
    return Policies(
        retries=_as_retries(plain["retries"]),
        timeout=_as_timeouts(plain.get("timeout")),
        max_active_runs=plain["max_active_runs"],
        consume=_as_consume(plain["consume"]),
        publish=_word(Publish, plain["publish"]),
        pure=plain["pure"],
        pause_after=plain["pause_after"],
        on_resume=_word(OnResume, plain["on_resume"]),
        on_register=_word(OnRegister, plain["on_register"]),
        deadline=_as_deadline(plain["deadline"]),
        group=plain["group"],
        tags=tuple(plain["tags"]),
        owners=tuple(plain["owners"]),
        pool=slots_from_plain(plain["pool"]) if "pool" in plain else None,
        priority=plain.get("priority", 0),
        limits=tuple(limit_from_plain(one) for one in plain.get("limits", ())),
        notify=tuple(plain["notify"]) if "notify" in plain else None,
    )


def _as_retries(plain: Mapping[str, Any] | None) -> RetryPolicy | None:
    _refuse({*(plain or {})} - {*RetryPolicy.__dataclass_fields__}, of="a way to try again")
    return retries_from_plain(plain)


def _as_timeouts(plain: Mapping[str, Any] | None) -> Timeouts | None:
    _refuse({*(plain or {})} - {*CLOCKS}, of="a clock")
    return timeouts_from_plain(plain)


def _consume(consume: Consume | Each) -> str | Plain:
    if not isinstance(consume, Each):
        return consume.value
    plain: Plain = {"each": consume.uri, "on_error": consume.on_error.value}
    return {**plain, "match": True} if consume.match else plain


def _as_consume(plain: str | Mapping[str, Any]) -> Consume | Each:
    if isinstance(plain, str):
        return _word(Consume, plain)
    _refuse({*plain} - {"each", "on_error", "match"}, of="a way to consume")
    return Each(uri=plain["each"], on_error=_word(OnError, plain["on_error"]), match=plain.get("match", False))


def _deadline(deadline: Deadline | None) -> Plain | None:
    if deadline is None or not isinstance(deadline.timetable, Cron | Every):
        return None
    return {"at": timetable_to_plain(deadline.timetable), "then": deadline.then.value}


def _as_deadline(plain: Mapping[str, Any] | None) -> Deadline | None:
    if plain is None:
        return None
    _refuse({*plain} - {"at", "then"}, of="a deadline")
    return Deadline(timetable_from_plain(plain["at"]), then=_word(OnDeadline, plain["then"]))


def _word(words: type[Word], given: Any) -> Word:
    """One of the words; another is no guess."""
    _refuse([given] if given not in tuple(words) else [], of=f"a word of {words.__name__}")
    return words(given)


def _refuse(unknown: Iterable[str], *, of: str) -> None:
    """What a stored definition says and this penstock does not know would be left out silently."""
    if told := sorted(map(repr, unknown)):
        raise DatabaseFault(
            f"a stored definition has {', '.join(told)} as {of}, which this penstock does not know",
            hint="Upgrade penstock to the version that wrote it.",
        )


def _said(key: str, value: Any) -> Plain:
    """Nothing for what says nothing: definitions that were stored before it was kept have no such key, and read
    alike."""
    return {key: value} if value else {}


def _json(types: tuple[JsonType, ...]) -> Plain:
    return _said("json", [one.value for one in types])


def _form(form: OutputForm) -> Plain:
    kind = None if form.kind is None else form.kind.value
    said = {**_said("annotation", form.annotation), **_said("required", form.required)}
    return {"returns": kind, **_json(form.json), **said}


def _as_form(plain: Mapping[str, Any]) -> OutputForm:
    kind = None if plain["returns"] is None else _word(ValueKind, plain["returns"])
    return OutputForm(
        kind=kind,
        json=_as_json(plain),
        annotation=plain.get("annotation", ""),
        required=plain.get("required", False),
    )


def _as_json(plain: Mapping[str, Any]) -> tuple[JsonType, ...]:
    return tuple(_word(JsonType, one) for one in plain.get("json", ()))


def _columns(columns: tuple[Column, ...] | None) -> list[list[str]] | None:
    return None if columns is None else [[column.name, column.type] for column in columns]


def _as_columns(plain: list[list[str]] | None) -> tuple[Column, ...] | None:
    return None if plain is None else tuple(Column(name=name, type=kind) for name, kind in plain)


def _location(location: Location | None) -> Plain | None:
    return None if location is None else {"file": location.file, "line": location.line}


def _as_location(plain: Mapping[str, Any] | None) -> Location | None:
    return None if plain is None else Location(file=plain["file"], line=plain["line"])
