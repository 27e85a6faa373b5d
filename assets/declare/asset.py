"""`@asset` and `@source`: a producer function, what it writes, and when it is to be made.

The decorator only records what was written: it opens nothing, resolves no annotation and raises no fault of the
definition, so that `Definitions` can report every fault of a project together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, cast

from ...storage.errors import DefinitionError
from ...storage.manifest import Column
from . import keywords
from .conditions.leaves import DatasetLeaf, News
from .conditions.tree import Condition, Unusable, as_condition
from .dataset import Dataset, one_partitioning, read_partitions
from .faults import Location, caller, collecting, report
from .keywords import told, unknown_keyword
from .loading import note
from .partitions.partition import Partitioning
from .policies import POLICIES, Policies, policies_of, without_effect

Producer = Callable[..., Any]


_KEYWORDS = (
    "name", "outputs", "on", "inputs", "previously", "kind", "description", "licence", "columns", "expects",
    "partitions", *POLICIES,
)  # fmt: skip
_SOURCE_KEYWORDS = ("probe", "name", "on", "description", "licence", "columns", "partitions", *POLICIES)
_defaults: ContextVar[Mapping[str, Any]] = ContextVar("penstock_defaults", default={})  # noqa: B039  never mutated


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A fault that the decorator noticed, kept for `Definitions` to report with the others."""

    message: str
    hint: str = ""


class AssetFunction(News):
    """A decorated producer. It is its dataset: it can be an input, stand in a condition, and be called as the plain
    function in a test.

    Attributes
    ----------
    function: the producer itself.
    name: of the asset.
    outputs: the datasets it writes, at least one unless `faults` says why not.
    on: its condition; None: made by hand, by backfill or as part of a selection.
    inputs: parameter → dataset, name of a dataset or asset, where `inputs=` names them; other parameters bind by name.
    expects: parameter → columns the producer counts on.
    partitions: how it and every dataset it writes are divided; None: they are not.
    source: whether it was declared by `@source`; then `probe` gives its cheap fingerprint.
    location: file and line of the declaration.
    faults: what was wrong with the declaration already.
    """

    def __init__(
        self,
        function: Producer,
        *,
        name: str,
        outputs: tuple[Dataset, ...],
        on: Condition | None,
        inputs: Mapping[str, Any],
        expects: Mapping[str, tuple[Column, ...]],
        policies: Policies,
        kind: str | None,
        description: str,
        previously: str | None,
        source: bool,
        probe: Callable[[], Any] | None,
        location: Location,
        faults: tuple[Written, ...],
        several: bool,
        partitions: Partitioning | None = None,
    ) -> None:
        self.function = function
        self.name = name
        self.outputs = outputs
        self.on = on
        self.inputs = dict(inputs)
        self.expects = dict(expects)
        self.policies = policies
        self.kind = kind
        self.description = description
        self.previously = previously
        self.source = source
        self.probe = probe
        self.location = location
        self.faults = faults
        self.several = several
        self.partitions = partitions
        update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The plain function, called."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<asset {self.name} → {', '.join(output.uri for output in self.outputs)}>"

    def __getitem__(self, output: str) -> Dataset:
        """One of several outputs by its name: `pairs["train"]`."""
        for dataset in self.outputs:
            if dataset.name == output:
                return dataset
        report(
            DefinitionError(
                f"asset {self.name} has no output {output!r}",
                hint=f"It writes: {', '.join(dataset.name for dataset in self.outputs)}.",
            )
        )
        return self.outputs[0] if self.outputs else Dataset("unusable/output")

    @property
    def dataset(self) -> Dataset:
        """The dataset of an asset with one output.

        Raises
        ------
        DefinitionError: it writes several; say which.
        """
        if len(self.outputs) == 1:
            return self.outputs[0]
        names = [dataset.name for dataset in self.outputs]
        raise DefinitionError(
            f"asset {self.name} writes {len(names)} datasets: {', '.join(names)}",
            hint=f'Say which, e.g. {self.name}["{names[0]}"].' if names else "Give it a URI.",
        )

    def as_condition(self) -> Condition:
        """Holds when the dataset of this asset has a pending event."""
        if self.faults and not self.outputs:
            return Unusable()  # that it has no URI is told already
        try:
            dataset = self.dataset
        except DefinitionError as error:
            report(error)
            return Unusable()
        return DatasetLeaf(uri=dataset.uri, dataset=dataset)


def asset(
    uri: str | None = None,
    *,
    name: str | None = None,
    outputs: Mapping[str, str | Dataset] | None = None,
    on: Any = None,
    inputs: Mapping[str, Any] | None = None,
    previously: str | None = None,
    kind: str | None = None,
    description: str | None = None,
    licence: str | None = None,
    columns: Mapping[str, Any] | Iterable[Column] | None = None,
    expects: Mapping[str, Mapping[str, Any]] | None = None,
    partitions: Partitioning | None = None,
    **policies: Any,
) -> Callable[[Producer], AssetFunction]:
    """Declare a data asset: the decorated function makes the dataset at `uri`.

    Parameters
    ----------
    uri: where it is written; without a scheme under the data root; the suffix decides the format.
    name: by default the function's name; required for lambdas and borrowed functions.
    outputs: output name → URI, for a producer that writes several; it returns a mapping or yields `Output`.
    on: the condition under which it is made; without one it is made by hand or as part of a selection.
    inputs: parameter → dataset, where the names differ; every other parameter takes the dataset of its own name.
    previously: the old name, after a rename; history is kept.
    kind: what it is for people and lineage, e.g. `"model"`.
    columns: declared schema, `{"id": "Int64"}`, of several outputs by their names: `{"train": {"id": "Int64"}}`.
    expects: input parameter → columns the producer counts on.
    partitions: how it is divided, `Daily(start="2026-01-01")`; then its URIs have a place for each dimension
        (`"daily/{day}.parquet"`), and a parameter annotated `Partition` takes the one that is made.
    policies: retries, timeout, max_active_runs, consume, pause_after, on_resume, on_register, deadline, publish, pure,
        group, tags, owners, pool, priority, limits, notify: see `Policies`.

    Nothing is raised here: every fault is reported by `Definitions`, together with the others.

    >>> @asset("doubled.json")
    ... def doubled(numbers: list) -> list:
    ...     return [2 * number for number in numbers]
    >>> doubled([1, 2])
    [2, 4]
    """
    location = caller()
    bare = cast("object", uri) if callable(uri) else None
    where = None if bare is not None else uri

    def decorate(function: Producer) -> AssetFunction:
        return _declared(
            function, where, name=name, outputs=outputs, on=on, inputs=inputs, previously=previously, kind=kind,
            description=description, licence=licence, columns=columns, expects=expects, policies=policies,
            source=False, probe=None, location=location, partitions=partitions,
        )  # fmt: skip

    return decorate if bare is None else _bare(decorate(cast("Producer", bare)), "@asset")  # pyright: ignore[reportReturnType]


def source(
    uri: str,
    *,
    probe: Callable[[], Any] | None = None,
    name: str | None = None,
    on: Any = None,
    description: str | None = None,
    licence: str | None = None,
    columns: Mapping[str, Any] | Iterable[Column] | None = None,
    partitions: Partitioning | None = None,
    **policies: Any,
) -> Callable[[Producer], AssetFunction]:
    """Declare data that has no URI of its own (an API, the installed packages): fetched when its probe changed.

    Parameters
    ----------
    probe: called without arguments; gives a cheap fingerprint (any JSON value). Only when it differs from that of
        the last success does the producer run.

    The other parameters are those of `asset`.
    """
    location = caller()
    bare = cast("object", uri) if callable(uri) else None
    where = None if bare is not None else uri

    def decorate(function: Producer) -> AssetFunction:
        return _declared(
            function, where, name=name, outputs=None, on=on, inputs=None, previously=None, kind=None,
            description=description, licence=licence, columns=columns, expects=None, policies=policies,
            source=True, probe=probe, location=location, partitions=partitions,
        )  # fmt: skip

    return decorate if bare is None else _bare(decorate(cast("Producer", bare)), "@source")  # pyright: ignore[reportReturnType]


def _bare(made: AssetFunction, decorator: str) -> AssetFunction:
    """The asset of a decorator without parentheses: that is what is wrong with it, and not what is missing in them."""
    hint = f'Write {decorator}("{made.name}.parquet"): the parentheses say where it is written.'
    made.faults = (Written(message=f"{decorator} stands above it without parentheses", hint=hint),)
    return made


@contextmanager
def defaults(**policies: Any) -> Generator[None]:
    """Within the block, these policies hold for every asset that does not say otherwise: `defaults(group="kb")`.

    Blocks nest; the inner one wins. An unknown policy is reported like an unknown keyword of `@asset`.
    """
    token = _defaults.set({**_defaults.get(), **policies})
    try:
        yield
    finally:
        _defaults.reset(token)


def _declared(
    function: Producer,
    uri: str | None,
    *,
    name: str | None,
    outputs: Mapping[str, str | Dataset] | None,
    on: Any,
    inputs: Mapping[str, Any] | None,
    previously: str | None,
    kind: str | None,
    description: str | None,
    licence: str | None,
    columns: Mapping[str, Any] | Iterable[Column] | None,
    expects: Mapping[str, Mapping[str, Any]] | None,
    policies: Mapping[str, Any],
    source: bool,
    probe: Callable[[], Any] | None,
    location: Location,
    partitions: Partitioning | None,
) -> AssetFunction:
    faults: list[Written] = []
    with _noted(faults):
        called = told(keywords.text_or_none, "name", name, instead=None)
        title = called or str(getattr(function, "__name__", ""))
        if not title or title == "<lambda>":
            report(
                DefinitionError("an asset made from a lambda or a callable object has no name", hint="Give it name=…")
            )
            title = f"unnamed_{location.line}"
        written_there = (getattr(function, "__doc__", None) or "").strip()
        text = told(keywords.text_or_none, "description", description, instead=None)
        agreed = _policies(policies, _SOURCE_KEYWORDS if source else _KEYWORDS, of="@source" if source else "@asset")
        text = written_there if text is None else text
        divided = told(read_partitions, "partitions", partitions, instead=None)
        written = _outputs(
            title, uri, outputs, columns=columns, licence=licence, description=text, policies=agreed,
            location=location, partitions=divided,
        )  # fmt: skip
        divided = one_partitioning(divided, written)
        bound = told(keywords.mapping_or_none, "inputs", inputs, instead=None)
        expected = told(keywords.mapping_or_none, "expects", expects, instead=None)
        wanted = {
            parameter: told(keywords.columns, f"expects {parameter}", declared, instead=None) or ()
            for parameter, declared in (expected or {}).items()
        }
        kind = told(keywords.text_or_none, "kind", kind, instead=None)
        previously = told(keywords.text_or_none, "previously", previously, instead=None)
    condition: Condition | None = None
    if on is not None:
        with _noted(faults, "on=: "):
            condition = as_condition(on)
    with _noted(faults):
        for error in without_effect(policies, agreed, conditional=on is not None):
            report(error)
    declared = AssetFunction(
        function,
        name=title,
        outputs=written,
        on=condition,
        inputs=bound or {},
        expects=wanted,
        policies=agreed,
        kind=kind,
        description=text,
        previously=previously,
        source=source,
        probe=probe,
        location=location,
        faults=tuple(faults),
        several=outputs is not None,
        partitions=divided,
    )
    note(declared)
    return declared


@contextmanager
def _noted(faults: list[Written], about: str = "") -> Generator[None]:
    """What is reported within the block is a fault of the asset, which `Definitions` tells with its place."""
    with collecting() as found:
        yield
    faults += [Written(message=f"{about}{fault.message}", hint=fault.hint) for fault in found]


def _outputs(
    title: str,
    uri: str | None,
    outputs: Mapping[str, str | Dataset] | None,
    *,
    columns: Mapping[str, Any] | Iterable[Column] | None,
    licence: str | None,
    description: str,
    policies: Policies,
    location: Location,
    partitions: Partitioning | None,
) -> tuple[Dataset, ...]:
    if (uri is None) == (outputs is None):
        report(
            DefinitionError(
                "an asset needs either a URI or outputs={…}" + (", not both" if uri else ""),
                hint=f'Write @asset("{title}.parquet") or @asset(outputs={{"train": "train.parquet", …}}).',
            )
        )
        return ()
    wanted: Mapping[Any, Any] = {None: uri}
    declared: Mapping[Any, Any] = {None: columns}
    if outputs is not None:
        wanted = told(keywords.mapping, "outputs", outputs, instead={})
        declared = told(keywords.columns_of(wanted), "columns", columns, instead={})
    return tuple(
        where.with_columns(declared.get(name))
        if isinstance(where, Dataset)
        else Dataset(
            where,
            name=name,
            columns=declared.get(name),
            licence=licence,
            description=description,
            location=location,
            owners=policies.owners,
            tags=policies.tags,
            partitions=partitions,
        )
        for name, where in wanted.items()
    )


def _policies(given: Mapping[str, Any], known: Iterable[str], *, of: str) -> Policies:
    values = {**_defaults.get(), **given}
    for key in [key for key in values if key not in POLICIES]:
        report(unknown_keyword(key, sorted(known), of=of))
        del values[key]
    policies, wrong = policies_of(values)
    for error in wrong:
        report(error)
    return policies
