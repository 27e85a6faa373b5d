"""The run key: what was asked for, as plain data and as a digest. Two runs with one key would make the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...storage import uri as uris
from ...storage.manifest import canonical_json, digest_of
from ...storage.types import FORMAT_VERSION, ReasonKind
from ..declare.catalogue import Asset, Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """`parts` and `digest` (64 hexadecimal digits of blake3) are kept with the run.

    The asset's name is no part: its history, which `parts` is compared with, follows it through a rename.
    """

    asset: str
    parts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The digest of the asset and the parts."""
        return digest_of(canonical_json([self.asset, self.parts]))


def run_key(
    asset: Asset,
    catalogue: Catalogue,
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    probe: str | None,
    environment: Mapping[str, str],
    nonce: str | None = None,
) -> RunKey:
    """The key of a run.

    Parameters
    ----------
    parameters: those that differ from the defaults, as JSON values.
    inputs: input parameter → digest of its pinned version.
    probe: the fingerprint of a source.
    nonce: makes the key differ from every other (`--force`).
    """
    parts: dict[str, Any] = {
        "v": FORMAT_VERSION,
        "code": asset.code,
        "parameters": {one.name: parameters.get(one.name, one.default) for one in asset.parameters},
        "inputs": dict(inputs),
        "outputs": {
            uri: [uris.suffix(uri), [[c.name, c.type] for c in catalogue.datasets[uri].columns or ()]]
            for uri in asset.outputs
        },
        "environment": dict(environment),
    }
    if probe is not None:
        parts["probe"] = probe
    if nonce is not None:
        parts["nonce"] = nonce
    return RunKey(asset=asset.name, parts=parts)


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[tuple[ReasonKind, ...], tuple[str, ...]]:
    """What differs between two keys, as reasons, and the names of the inputs or parameters that do.

    A nonce alone is `manual`; a changed environment, format or schema counts as `code changed`.
    """
    kinds: list[ReasonKind] = []
    names: list[str] = []
    inputs = _differing(old.get("inputs", {}), new["inputs"])
    if inputs or old.get("probe") != new.get("probe"):
        kinds.append(ReasonKind.INPUT_CHANGED)
        names += inputs or ["probe"]
    if any(old.get(part) != new[part] for part in ("v", "code", "outputs", "environment")):
        kinds.append(ReasonKind.CODE_CHANGED)
    parameters = _differing(old.get("parameters", {}), new["parameters"])
    if parameters:
        kinds.append(ReasonKind.PARAMETERS_CHANGED)
        names += parameters
    if not kinds and new.get("nonce") is not None:
        kinds.append(ReasonKind.MANUAL)
    return tuple(kinds), tuple(names)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    missing = object()
    return [name for name in {**old, **new} if old.get(name, missing) != new.get(name, missing)]
