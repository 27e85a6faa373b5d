"""The catalogue: definitions bound and checked, as plain values. What planning, recording and lineage work on.

`Definitions.resolve()` makes one. It holds no function and no object of the user's: code is a reference and a digest.
Beside it `Definitions.functions` (asset name → `AssetFunction`) gives the shell what it calls. `plain.py` turns
it into JSON-ready data and back: `to_plain(catalogue)`, `from_plain(plain)`, and for one row each
`asset_to_plain(asset)`, `dataset_to_plain(dataset)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...storage.manifest import Column
from ...storage.types import JsonType, ValueKind
from ..code.outputs import OutputForm
from .conditions.tree import Condition, leaves
from .dataset import Dataset
from .faults import Location
from .partitions.mapping.mappings import KeyMapping
from .partitions.partition import Partitioning
from .policies import Policies
from .ticks.timetables import Cron, Every, Timetable


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A parameter of a producer that takes a dataset.

    `kind` is None where there is no annotation: the format's own default decides. `uri` is the dataset's identity.
    `mapping` is what its keys mean for the asset, said here or in the condition; None: what follows from how both are
    divided (`partitions/mapping/relation.py`). `key_column` is the one that holds the key of each row, where several
    partitions are read as one frame.
    `json` are the outermost types that the annotation names, of a JSON value or a text; () for any.
    `annotation` is it as it is written; "" for none.
    """

    parameter: str
    uri: str
    kind: ValueKind | None = None
    json: tuple[JsonType, ...] = ()
    annotation: str = ""
    optional: bool = False
    expects: tuple[Column, ...] | None = None
    mapping: KeyMapping | None = None
    key_column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A run parameter (keyword-only): its type as it is written, and its default as a JSON value."""

    name: str
    type: str
    default: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A bound asset.

    Attributes
    ----------
    name: unique in the project.
    outputs: URIs of the datasets it writes, in declared order.
    condition: bound tree (`DatasetLeaf`s hold URIs); None: made by hand.
    returns: the form of what the producer returns, of several outputs that of each,
    fields: but for the outputs (URIs) that a `TypedDict` annotates one by one.
    several: whether it was declared with `outputs={…}` (returns a mapping or yields `Output`).
    context, partition: names of the parameters that take the `Context` and the `Partition`, if any.
    partitions: how it and every dataset that it writes are divided; None: they are not.
    producer: `module:qualified name`, or None where it cannot be imported (`__main__`, a lambda).
    code: the code fingerprint, 64 hexadecimal digits.
    source: whether a probe decides if it has to run.
    files: in which its code is written, here and now; no part of the definition.
    """

    name: str
    outputs: tuple[str, ...]
    condition: Condition | None = None
    inputs: tuple[Input, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    returns: OutputForm = field(default_factory=OutputForm)
    fields: Mapping[str, OutputForm] = field(default_factory=dict[str, OutputForm])
    several: bool = False
    context: str | None = None
    partition: str | None = None
    partitions: Partitioning | None = None
    producer: str | None = None
    code: str = ""
    source: bool = False
    kind: str | None = None
    description: str = ""
    previously: str | None = None
    policies: Policies = field(default_factory=Policies)
    location: Location | None = None
    files: tuple[str, ...] = field(default=(), compare=False)

    def given(self, uri: str) -> OutputForm:
        """The form in which the producer gives this output."""
        return self.fields.get(uri, self.returns)

    @property
    def timetables(self) -> dict[str, Timetable]:
        """Every timetable whose ticks are kept for the asset, by the label under which they are: those of its
        condition, and that of its deadline."""
        deadline = self.policies.deadline
        found: dict[str, Timetable] = {
            one.label: one for one in leaves(self.condition) if isinstance(one, Cron | Every)
        }
        return found if deadline is None else {**found, deadline.label: deadline.timetable}


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All assets by name and all datasets by URI, in the order of declaration; checked.

    Every URI in an asset's outputs, inputs and condition is a key of `datasets`.
    """

    assets: Mapping[str, Asset]
    datasets: Mapping[str, Dataset]
