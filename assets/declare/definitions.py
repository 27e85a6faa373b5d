"""`Definitions`: the assets of a project, collected, bound to each other, and checked as a whole.

`resolve()` answers with a `Catalogue`, or raises one error that lists every fault. Binding happens here and nowhere
else: a parameter takes the dataset of its name, a condition's leaves become URIs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from ...storage.errors import DefinitionError
from ..code.annotations import Signature, signature
from ..code.collect import ImportFault, collect
from ..code.fingerprint import Fingerprint, fingerprints
from ..code.outputs import OutputForm
from ..code.ownership import Home, is_own_module
from ..code.parameter_types import RunParameter, plain_value
from ..code.references import reference
from .annotated import misread, returned
from .asset import AssetFunction
from .binding import Binder, of_one_mind
from .catalogue import Asset, Catalogue, Input, Parameter
from .checking import check
from .conditions.leaves import DatasetLeaf, bound, dataset_leaves, named_in
from .dataset import Dataset, tells_stand_in
from .faults import Fault, FaultyDefinitions, Location, collecting, report
from .loading import declared_in
from .needs import Needing, Needs
from .partitions.mapping.checking import misused
from .partitions.mapping.mappings import Computed, Function
from .policies import Each, Policies
from .resource import Resource


class Definitions:
    """The assets of a project.

    Parameters
    ----------
    things: assets, datasets, modules that hold them, other `Definitions`, or iterables of these. A module gives
        every asset, dataset and `Definitions` among its names, and every asset that was declared while it was loaded,
        bound to a name or not; the same object is taken once. What `collect` could not import is a fault like the
        others; then inputs that nobody knows are not told, for they may stand there. A `Fault` that was
        found while modules were read is told with the others.

    Raises
    ------
    DefinitionError: a thing is none of these.

    >>> from penstock import Definitions, asset
    >>> @asset("numbers.json")
    ... def numbers() -> list:
    ...     return [1, 2, 3]
    >>> list(Definitions(numbers).resolve().assets)
    ['numbers']
    """

    def __init__(self, *things: Any) -> None:
        self._assets: dict[int, AssetFunction] = {}
        self._datasets: dict[int, Dataset] = {}
        self._resources: dict[int, Resource] = {}
        self._unimported: list[ImportFault] = []
        self._misdeclared: list[Fault] = []
        for thing in things:
            self._collect(thing)
        self._answer: tuple[Catalogue, tuple[Fault, ...]] | None = None
        self._gaps: dict[str, tuple[str, ...]] = {}
        self._needs: dict[str, Needs] = {}
        self._by_name: dict[str, Resource] = {}

    @classmethod
    def load(cls, *names: str, folder: str | Path = ".", begins: Callable[[str], object] = str) -> Definitions:
        """The definitions in modules (`"my_project.assets"`) and files (`"pipeline.py"`, relative to `folder`).

        What cannot be imported and what is declared wrongly raises nothing here: `check` and `resolve` report it, all
        together. Modules in which something is declared wrongly count as not imported: a later call reads them again.
        `begins` is called with each name before its module is imported.
        """
        before = set(sys.modules)
        with collecting() as misdeclared:
            found = collect(names, folder, begins=begins)
        definitions = cls(*found, *misdeclared)
        if misdeclared:
            definitions.check()  # while the modules are there
            _forget(set(sys.modules) - before)
        return definitions

    @property
    def unimported(self) -> tuple[ImportFault, ...]:
        """The modules that could not be imported, each with the error that was raised."""
        return tuple(self._unimported)

    @property
    def functions(self) -> Mapping[str, AssetFunction]:
        """Asset name → what to call; of two with one name (a fault) the first."""
        found: dict[str, AssetFunction] = {}
        for one in self._assets.values():
            found.setdefault(one.name, one)
        return found

    @property
    def mappings(self) -> Mapping[str, Function]:
        """Reference → function, of every mapping of keys that is computed: what `relation` asks for."""
        leaves = [
            leaf
            for one in self._assets.values()
            for leaf in (*dataset_leaves(one.on), *one.inputs.values())
            if isinstance(leaf, DatasetLeaf)
        ]
        said = [leaf.mapping for leaf in leaves]
        return {one.reference: one.call for one in said if isinstance(one, Computed) and one.call is not None}

    def check(self) -> tuple[Fault, ...]:
        """Every fault; none when the definitions can be used."""
        return self._resolved()[1]

    def resolve(self) -> Catalogue:
        """The definitions as plain, bound values; worked out once.

        Raises
        ------
        FaultyDefinitions: they have faults; every one of them is in the message.
        """
        catalogue, faults = self._resolved()
        if faults:
            raise FaultyDefinitions(faults)
        return catalogue

    def tell(self, check: Callable[[Catalogue], object]) -> tuple[Fault, ...]:
        """What a further check of the catalogue raises, where these have faults of their own as well: of what could
        be bound, and nothing that follows from what was put in the place of something wrong."""
        try:
            check(self._resolved()[0])
        except FaultyDefinitions as error:
            return tuple(fault for fault in error.faults if not tells_stand_in(fault.message))
        return ()

    @property
    def gaps(self) -> Mapping[str, tuple[str, ...]]:
        """Asset name → what its code fingerprint cannot cover, each a sentence; no fault, but worth a look."""
        self._resolved()
        return self._gaps

    @property
    def needs(self) -> Mapping[str, Needs]:
        """Asset name → the secrets and resources that its producer needs."""
        self._resolved()
        return self._needs

    @property
    def resources(self) -> Mapping[str, Resource]:
        """The resources by name."""
        self._resolved()
        return self._by_name

    def _collect(self, thing: Any) -> None:
        if isinstance(thing, AssetFunction | Dataset | Resource):
            self._take(thing)
        elif isinstance(thing, ModuleType):
            self._collect_module(thing)
        elif isinstance(thing, ImportFault):
            self._unimported.append(thing)
        elif isinstance(thing, Fault):
            self._misdeclared.append(thing)
        elif isinstance(thing, Definitions):
            self._unimported += thing._unimported  # noqa: SLF001
            self._misdeclared += thing._misdeclared  # noqa: SLF001
            for item in (*thing._assets.values(), *thing._datasets.values(), *thing._resources.values()):  # noqa: SLF001
                self._collect(item)
        elif isinstance(thing, Iterable) and not isinstance(thing, str | bytes):
            for item in cast("Iterable[Any]", thing):
                self._collect(item)
        else:
            report(
                DefinitionError(
                    f"Definitions got a {type(thing).__name__}: {thing!r}",
                    hint="Give decorated functions, datasets, or the modules that hold them.",
                )
            )

    def _take(self, thing: AssetFunction | Dataset | Resource) -> None:
        """One thing, once."""
        if isinstance(thing, AssetFunction):
            self._assets.setdefault(id(thing), thing)
        elif isinstance(thing, Resource):
            self._resources.setdefault(id(thing), thing)
        else:
            self._datasets.setdefault(id(thing), thing)

    def _collect_module(self, module: ModuleType) -> None:
        """What is a definition among a module's names, and in its lists and mappings; and what was declared while it
        was loaded: assets made in loops need not be kept."""
        for value in list(vars(module).values()):
            if isinstance(value, dict):
                items: Iterable[Any] = cast("dict[Any, Any]", value).values()
            else:
                items = cast("Iterable[Any]", value) if isinstance(value, list | tuple) else (value,)
            for item in items:
                if isinstance(item, AssetFunction | Dataset | Resource | Definitions):
                    self._collect(item)
        for item in declared_in(module):
            self._collect(item)

    def _resolved(self) -> tuple[Catalogue, tuple[Fault, ...]]:
        if self._answer is None:
            self._answer = self._bound()
        return self._answer

    def _bound(self) -> tuple[Catalogue, tuple[Fault, ...]]:
        functions = list(self._assets.values())
        faults = [_unimported(fault) for fault in self._unimported]
        faults += dict.fromkeys(self._misdeclared)  # a line in a loop says it once
        faults += _written(functions)
        binder = Binder(functions, [*self._datasets.values(), *_mentioned(functions)])
        faults += binder.faults
        needing = Needing(self._resources.values(), functions)
        faults += needing.faults
        self._by_name = needing.resources
        codes = fingerprints([one.function for one in functions])
        assets: dict[str, Asset] = {}
        for one, code in zip(functions, codes, strict=True):
            form = signature(one.function)
            needs, unmet = needing.of(one, form, binder.names)
            faults += unmet
            self._needs.setdefault(one.name, needs)
            inputs, missing = binder.inputs(one, form, needs.resources)
            faults += misread(one, form, inputs, needs.resources)
            faults += returned(one, form.returns)
            faults += misused(one, form)
            if not self._unimported:  # what is missing may stand in what could not be imported
                faults += missing
            if code.missing:
                self._gaps[one.name] = code.missing
            assets.setdefault(one.name, _asset(one, form, code, inputs, binder.aliases))
        catalogue = Catalogue(assets=assets, datasets=binder.datasets)
        faults += check(catalogue, functions)
        return catalogue, tuple(fault for fault in faults if not tells_stand_in(fault.message))


def _forget(names: Iterable[str]) -> None:
    """Of these modules, the project's own are not imported any more: as after an import that raised."""
    for name in names:
        module = sys.modules[name]
        if getattr(module, "__file__", None) and is_own_module(module, Home()):
            del sys.modules[name]


def _asset(
    one: AssetFunction, form: Signature, code: Fingerprint, inputs: tuple[Input, ...], aliases: Mapping[str, str]
) -> Asset:
    producer = reference(one.function)
    return Asset(
        name=one.name,
        outputs=tuple(output.uri for output in one.outputs),
        condition=None if one.on is None else of_one_mind(bound(one.on, aliases)),
        inputs=inputs,
        parameters=tuple(
            Parameter(name=parameter.name, type=parameter.annotation, default=_default(parameter))
            for parameter in form.parameters
        ),
        returns=form.returns.item if one.several else form.returns.whole,
        fields=_fields(one, form),
        several=one.several,
        context=form.context,
        partition=form.partition,
        partitions=one.partitions,
        producer=str(producer) if producer.importable else None,
        code=code.digest,
        source=one.source,
        kind=one.kind,
        description=one.description,
        previously=one.previously,
        policies=_policies(one.policies, aliases),
        location=one.location,
        files=code.files,
    )


def _fields(one: AssetFunction, form: Signature) -> dict[str, OutputForm]:
    """The forms that a `TypedDict` gives the outputs that it names, by URI."""
    named = form.returns.fields if one.several else None
    return {output.uri: named[output.name] for output in one.outputs if output.name in named} if named else {}


def _policies(policies: Policies, aliases: Mapping[str, str]) -> Policies:
    mode = policies.consume
    if not isinstance(mode, Each) or mode.uri not in aliases:
        return policies
    return replace(policies, consume=replace(mode, uri=aliases[mode.uri]))


def _default(parameter: RunParameter) -> Any:
    """The default as JSON data; None where it cannot be, which the signature has told as a fault."""
    try:
        return plain_value(parameter.default)
    except TypeError:
        return None


def _unimported(fault: ImportFault) -> Fault:
    where = Location(file=fault.file, line=fault.line) if fault.file else None
    return Fault(kind="import", message=fault.message, hint=fault.hint, where=where)


def _written(functions: Iterable[AssetFunction]) -> Iterator[Fault]:
    """What the decorators noticed already."""
    for one in functions:
        for fault in one.faults:
            yield Fault(
                kind="declaration", message=f"asset {one.name}: {fault.message}", hint=fault.hint, where=one.location
            )


def _mentioned(functions: Iterable[AssetFunction]) -> Iterator[Dataset]:
    """Datasets that stand in conditions and in `inputs=`, whether or not their module was collected."""
    for one in functions:
        for leaf in named_in(one.on):
            if leaf.dataset is not None:
                yield leaf.dataset
        for target in one.inputs.values():
            if isinstance(target, Dataset):
                yield target
            elif isinstance(target, AssetFunction):
                yield from target.outputs
            elif isinstance(target, DatasetLeaf) and target.dataset is not None:
                yield target.dataset
