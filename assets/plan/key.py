"""The run key: what was asked for, as plain data and as a digest. Two runs with one key would make the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...storage import uri as uris
from ...storage.manifest import canonical_json, columns_to_plain, digest_of
from ...storage.types import FORMAT_VERSION, JsonType, ReasonKind, ValueKind
from ..declare.catalogue import Asset
from .graph import Graph
from .state import PartitionsRead


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """`parts` and `digest` (64 hexadecimal digits of blake3) are kept with the run.

    The asset's name is no part: its history, which `parts` is compared with, follows it through a rename.
    """

    asset: str
    parts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The digest of the asset and the parts, of which run parameters alone may have a fraction."""
        return digest_of(canonical_json([self.asset, self.parts], fractions=bool(self.parts["parameters"])))

    def of(self, partition: str) -> RunKey:
        """The key of another partition, of which all else is the same."""
        return RunKey(asset=self.asset, parts={**self.parts, "partition": partition})


def run_key(
    asset: Asset,
    graph: Graph,
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    probe: str | None,
    environment: Mapping[str, str],
    nonce: str | None = None,
    partition: str = "",
) -> RunKey:
    """The key of a run.

    Parameters
    ----------
    parameters: those that differ from the defaults, as JSON values.
    inputs: input parameter → digest of its pinned version; of several partitions that of `digest_read`.
    probe: the fingerprint of a source.
    nonce: makes the key differ from every other (`--force`).
    partition: the key of the partition that is to be made.
    """
    datasets = graph.catalogue.datasets
    parts: dict[str, Any] = {
        "v": FORMAT_VERSION,
        "code": asset.code,
        "parameters": {one.name: parameters.get(one.name, one.default) for one in asset.parameters},
        "inputs": dict(inputs),
        "outputs": {uri: [uris.suffix(uri), columns_to_plain(datasets[uri].columns or ())] for uri in asset.outputs},
        "forms": {
            "inputs": {
                one.parameter: _form(one.kind, one.json, _suffix_of(one.uri, one.kind))
                for one in asset.inputs
                if one.kind is not None
            },
            "outputs": {
                uri: _form(form.kind, form.json, _suffix_of(uri, form.kind))
                for uri in asset.outputs
                if (form := asset.given(uri)).kind is not None
            },
        },
        "environment": dict(environment),
    }
    expected = {
        one.parameter: columns_to_plain(columns)
        for one in asset.inputs
        if (one.expects or one.uri not in graph.producer) and (columns := graph.expected(one))
    }
    if expected:
        parts["expected"] = expected
    if partition:
        parts["partition"] = partition
    if probe is not None:
        parts["probe"] = probe
    if nonce is not None:
        parts["nonce"] = nonce
    return RunKey(asset=asset.name, parts=parts)


_TEXT_IN_JSON = "json str"


def _suffix_of(uri: str, kind: ValueKind) -> str:
    """The suffix, for the one kind whose meaning depends on it."""
    return uris.suffix(uri) if kind is ValueKind.TEXT else ""


@lru_cache(maxsize=1024)
def _form(kind: ValueKind, json: tuple[JsonType, ...], suffix: str) -> str:
    """What an annotation means: `lazy_frame`, `json dict list`, `text`; of `str` with the suffix `.json`, `json str`.

    The code has the annotation as it is written. This is what penstock makes of it, with an imported alias and the
    fields of a `TypedDict` looked up.
    """
    if kind is ValueKind.TEXT and suffix == ".json":
        return _TEXT_IN_JSON
    return " ".join((kind, *json))


def same(made_from: Mapping[str, Any], parts: Mapping[str, Any]) -> bool:
    """Whether what made a head is what is asked for now; the nonce of a run that made it is left out beforehand."""
    return _with_forms(made_from, parts) == parts


def _with_forms(made_from: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parts that made a head. If penstock kept no forms then, they count as what they are now, for the code says
    them; but for `str` in `.json`, which was the whole text of the file and is one JSON value since."""
    forms = parts["forms"]
    if "forms" in made_from or _TEXT_IN_JSON in {*forms["inputs"].values(), *forms["outputs"].values()}:
        return made_from
    return {**made_from, "forms": forms}


def digest_read(read: PartitionsRead) -> str | None:
    """What stands for the partitions that are read in a run key: the digest of the one, or of their keys and digests in
    order; None where there are none."""
    if not read.heads:
        return None
    if read.single:
        (head,) = read.heads.values()
        return head.digest
    return digest_of(canonical_json([[key, head.digest] for key, head in read.heads.items()]))


_CODE = ("v", "code", "outputs", "forms", "expected", "environment")
"""The parts that are told as `code changed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs between two keys: as words, and by name the inputs (of a source its `probe`) and the run parameters
    that do."""

    kinds: tuple[ReasonKind, ...]
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """What differs between the parts of two keys.

    A nonce alone is `manual`; a changed environment, format, form or schema, declared or expected, counts as `code
    changed`.
    """
    old = _with_forms(old, new)
    kinds: list[ReasonKind] = []
    inputs = _differing(old.get("inputs", {}), new["inputs"])
    if not inputs and old.get("probe") != new.get("probe"):
        inputs = ["probe"]
    if inputs:
        kinds.append(ReasonKind.INPUT_CHANGED)
    if any(old.get(part) != new.get(part) for part in _CODE):
        kinds.append(ReasonKind.CODE_CHANGED)
    parameters = _differing(old.get("parameters", {}), new["parameters"])
    if parameters:
        kinds.append(ReasonKind.PARAMETERS_CHANGED)
    if not kinds and new.get("nonce") is not None:
        kinds.append(ReasonKind.MANUAL)
    return Difference(kinds=tuple(kinds), inputs=tuple(inputs), parameters=tuple(parameters))


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    missing = object()
    return [name for name in {**old, **new} if old.get(name, missing) != new.get(name, missing)]
