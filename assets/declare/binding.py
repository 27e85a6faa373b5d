"""Binding: which dataset each name and each parameter means. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ...storage import uri as uris
from ...storage.errors import InvalidURI
from ..code.annotations import Signature
from .asset import AssetFunction
from .catalogue import Input
from .conditions.leaves import DatasetLeaf, dataset_leaves
from .conditions.tree import Condition, children_of, with_children
from .conditions.walking import fold
from .dataset import Dataset
from .faults import Fault, Location
from .partitions.mapping.mappings import KeyMapping, without_code


@dataclass(kw_only=True)
class _Names:
    """Which dataset a name stands for, and where it was declared."""

    by_uri: dict[str, Dataset] = field(default_factory=dict[str, Dataset])
    by_name: dict[str, Dataset] = field(default_factory=dict[str, Dataset])
    by_asset: dict[str, AssetFunction] = field(default_factory=dict[str, AssetFunction])


class Binder:
    """Every dataset of the definitions, by URI and by name.

    Attributes
    ----------
    datasets: by URI, outputs of assets first, each once.
    aliases: another URI of a dataset → its own.
    faults: two writers of one URI, two things of one name, two declarations of one dataset that differ.
    """

    def __init__(self, functions: Sequence[AssetFunction], others: Iterable[Dataset]) -> None:
        self._names = _Names()
        self.faults: list[Fault] = []
        writers: dict[str, AssetFunction] = {}
        others = list(others)
        outputs = [output for one in functions for output in one.outputs]
        self.aliases = self._aliases([*outputs, *others], {output.uri for output in outputs})
        for one in functions:
            first = self._names.by_asset.setdefault(one.name, one)
            if first is not one:
                self._fault_names("asset", one.name, first.location, one.location)
            for output in one.outputs:
                writer = writers.setdefault(output.uri, one)
                if writer is not one:
                    self._fault_writers(output.uri, writer, one)
                self._add(output, one.location)
        for dataset in others:
            if dataset.uri not in self.aliases:
                self._add(dataset, dataset.location, written=dataset.uri in writers)
        for one in functions:
            namesake = self._names.by_name.get(one.name)
            if namesake is not None and namesake.uri not in {output.uri for output in one.outputs}:
                self._fault_handles(one, namesake)

    @property
    def datasets(self) -> dict[str, Dataset]:
        """By URI."""
        return self._names.by_uri

    @cached_property
    def names(self) -> frozenset[str]:
        """What a parameter may be called that takes data; each asset asks for it."""
        return frozenset({*self._names.by_name, *self._names.by_asset})

    def inputs(
        self, one: AssetFunction, form: Signature, resources: Container[str] = ()
    ) -> tuple[tuple[Input, ...], list[Fault]]:
        """The inputs of a producer, bound, and what could not be; `resources` are the parameters that take one."""
        faults: list[Fault] = []
        found: list[Input] = []
        known = {parameter.name for parameter in form.inputs}
        faults += [
            Fault(
                kind="unknown_parameter",
                message=f"asset {one.name}: {name!r} is no input parameter of its producer",
                hint=f"It has: {', '.join(sorted(known)) or 'none'}.{_near(name, known)}",
                where=one.location,
            )
            for name in (*one.inputs, *one.expects)
            if name not in known
        ]
        for parameter in form.inputs:
            if parameter.name in resources:
                continue
            given = one.inputs.get(parameter.name)
            dataset = self._target(given) if given is not None else self._by_name(parameter.name)
            if dataset is None and given is None and self._has_no_uri(parameter.name):
                continue  # which is told already
            if dataset is None:
                faults.append(self._unbound(one, parameter.name, given))
                continue
            found.append(
                Input(
                    parameter=parameter.name,
                    uri=dataset.uri,
                    kind=parameter.kind,
                    json=parameter.json,
                    annotation=parameter.annotation,
                    optional=parameter.optional,
                    expects=one.expects.get(parameter.name),
                    mapping=without_code(given.mapping if isinstance(given, DatasetLeaf) else None)
                    or _said(one, dataset.uri, self.aliases),
                    key_column=(given.key_column if isinstance(given, DatasetLeaf) else None)
                    or _key_column(one, dataset.uri, self.aliases),
                )
            )
        return tuple(found), faults

    def _aliases(self, datasets: Sequence[Dataset], written: set[str]) -> dict[str, str]:
        """Another URI → the dataset's own; one that two datasets claim, that an asset writes or that is declared with
        aliases of its own is a fault."""
        found: dict[str, Dataset] = {}
        further = {dataset.uri: dataset.aliases for dataset in datasets if dataset.aliases}
        for dataset in datasets:
            for uri in dataset.aliases:
                first = found.setdefault(uri, dataset)
                if uri in further:
                    every = ", ".join(map(repr, dict.fromkeys([*dataset.aliases, *further[uri]])))
                    self.faults.append(
                        Fault(
                            kind="alias_of_alias",
                            message=f"dataset {dataset.uri}: its alias {uri} is declared with aliases of its own: "
                            + ", ".join(further[uri]),
                            hint=f"One dataset names every other URI: write aliases=[{every}] here, and declare {uri} "
                            "no more.",
                            where=dataset.location,
                        )
                    )
                other = first.uri if first.uri != dataset.uri else "an asset" if uri in written else None
                if other is not None:
                    self.faults.append(
                        Fault(
                            kind="alias_in_use",
                            message=f"dataset {dataset.uri}: its alias {uri} "
                            + ("is written by an asset" if uri in written else f"is an alias of {other} too"),
                            hint="A URI means one dataset: take the alias out at one of them.",
                            where=dataset.location,
                        )
                    )
        return {uri: dataset.uri for uri, dataset in found.items() if uri not in written}

    def _add(self, dataset: Dataset, where: Location | None, *, written: bool = False) -> None:
        first = self._names.by_uri.get(dataset.uri)
        if first is not None:
            contradicts = None not in (first.columns, dataset.columns) and first.columns != dataset.columns
            if contradicts or (not written and first != dataset):
                self._fault_declarations(first, dataset)
            return
        self._names.by_uri[dataset.uri] = dataset
        namesake = self._names.by_name.setdefault(dataset.name, dataset)
        if namesake is not dataset:
            self._fault_names("dataset", dataset.name, namesake.location, where, namesake.uri, dataset.uri)

    def _target(self, given: Any) -> Dataset | None:
        """What `inputs={"left": …}` names: a dataset, an asset, what its keys mean, or the name or URI of one."""
        if isinstance(given, DatasetLeaf) and not given.match:
            given = given.dataset
        if isinstance(given, Dataset):
            return self._names.by_uri.get(self.aliases.get(given.uri, given.uri), given)
        if isinstance(given, AssetFunction):
            return given.outputs[0] if len(given.outputs) == 1 else None
        if not isinstance(given, str):
            return None
        found = self._by_name(given)
        if found is None:
            try:
                uri = uris.normalise(given)
            except InvalidURI:
                return None
            found = self._names.by_uri.get(self.aliases.get(uri, uri))
        return found

    def _by_name(self, name: str) -> Dataset | None:
        found = self._names.by_name.get(name)
        if found is None and name in self._names.by_asset:
            outputs = self._names.by_asset[name].outputs
            found = outputs[0] if len(outputs) == 1 else None
        return found

    def _has_no_uri(self, name: str) -> bool:
        """Whether it is an asset whose declaration is so wrong that it writes nothing."""
        named = self._names.by_asset.get(name)
        return named is not None and not named.outputs and bool(named.faults)

    def _unbound(self, one: AssetFunction, parameter: str, given: Any) -> Fault:
        names = {*self._names.by_name, *self._names.by_asset}
        if given is not None:
            shown = given if isinstance(given, str) else repr(given)
            return Fault(
                kind="unknown_input",
                message=f"asset {one.name}: inputs= binds {parameter!r} to {shown}, which is no dataset here",
                hint=f"Name a dataset or asset of these definitions.{_near(str(given), names)}",
                where=one.location,
            )
        several = self._names.by_asset.get(parameter)
        if several is not None:
            outputs = [output.name for output in several.outputs]
            return Fault(
                kind="unbound_parameter",
                message=f"asset {one.name}: parameter {parameter!r} names an asset with {len(outputs)} outputs",
                hint=f"Call the parameter after one of them: {', '.join(outputs)}." if outputs else "Give it a URI.",
                where=one.location,
            )
        variable = getattr(one.function, "__globals__", {}).get(parameter)
        if isinstance(variable, Dataset):  # what it is called is another matter
            called = repr(variable.name)
            return Fault(
                kind="unbound_parameter",
                message=f"asset {one.name}: the dataset of the variable {parameter!r} is called {called}, and a "
                "parameter takes the dataset that is called like it",
                hint=f'Say name="{parameter}" at the dataset, or bind it with inputs={{"{parameter}": {parameter}}}.',
                where=one.location,
            )
        return Fault(
            kind="unbound_parameter",
            message=f"asset {one.name}: there is no dataset for parameter {parameter!r}",
            hint="Call it after a dataset, asset or resource, bind it with inputs={…}, or make it a run parameter by "
            f"putting it behind `*` with a default.{_near(parameter, names) or _known(self._names.by_name)}",
            where=one.location,
        )

    def _fault_writers(self, uri: str, first: AssetFunction, second: AssetFunction) -> None:
        self.faults.append(
            Fault(
                kind="two_writers",
                message=f"assets {first.name} ({first.location}) and {second.name} both write {uri}",
                hint="A dataset has one writer: give one of them another URI.",
                where=second.location,
            )
        )

    def _fault_names(
        self,
        what: str,
        name: str,
        first: Location | None,
        second: Location | None,
        *addresses: str,
    ) -> None:
        shown = f" ({' and '.join(addresses)})" if addresses else ""
        self.faults.append(
            Fault(
                kind="same_name",
                message=f"two {what}s are called {name!r}{shown}; the other is at {first or 'an unknown place'}",
                hint="Names are unique in a project: say name=… at one of them"
                + (f', as in @asset(Dataset("{addresses[-1]}", name="…")).' if addresses else "."),
                where=second,
            )
        )

    def _fault_handles(self, one: AssetFunction, dataset: Dataset) -> None:
        self.faults.append(
            Fault(
                kind="same_name",
                message=f"asset {one.name} has the name of dataset {dataset.uri} ({dataset.location}), which it does "
                f"not write: a parameter {one.name!r} could mean either",
                hint="Say name=… at one of them.",
                where=one.location,
            )
        )

    def _fault_declarations(self, first: Dataset, second: Dataset) -> None:
        differing = [
            key
            for key in (
                "name",
                "aliases",
                "watch",
                "capture",
                "licence",
                "owners",
                "tags",
                "description",
                "columns",
                "partitions",
            )
            if getattr(first, key) != getattr(second, key)
        ]
        self.faults.append(
            Fault(
                kind="differing_declarations",
                message=f"dataset {second.uri} is declared twice, with different {', '.join(differing)}; "
                f"the other is at {first.location or 'an unknown place'}",
                hint="Declare it once and use that object, or make both alike.",
                where=second.location,
            )
        )


def of_one_mind(condition: Condition) -> Condition:
    """The same tree, in which every leaf of a dataset has the mapping that one of them says."""
    said = {leaf.uri: leaf.mapping for leaf in dataset_leaves(condition) if leaf.mapping is not None}
    return _with_mappings(condition, said) if said else condition


def _with_mappings(condition: Condition, said: Mapping[str, KeyMapping]) -> Condition:
    def made(node: Condition, children: tuple[Condition, ...]) -> Condition:
        if isinstance(node, DatasetLeaf):
            plain = node.mapping is None and node.uri in said and not node.match
            return replace(node, mapping=said[node.uri]) if plain else node
        return with_children(node, children)

    return fold(condition, children_of, made)


def _said(one: AssetFunction, uri: str, aliases: Mapping[str, str]) -> KeyMapping | None:
    """What the condition says of the keys of a dataset."""
    leaves = [leaf for leaf in dataset_leaves(one.on) if aliases.get(leaf.uri, leaf.uri) == uri]
    return without_code(next((leaf.mapping for leaf in leaves if leaf.mapping is not None), None))


def _key_column(one: AssetFunction, uri: str, aliases: Mapping[str, str]) -> str | None:
    """The column for the keys of a dataset, where the condition says it."""
    leaves = (leaf for leaf in dataset_leaves(one.on) if aliases.get(leaf.uri, leaf.uri) == uri)
    return next((leaf.key_column for leaf in leaves if leaf.key_column is not None), None)


def _known(names: Iterable[str]) -> str:
    """The names there are, where they are few: a dataset is called after its URI, not after the variable."""
    known = sorted(names)
    return f" Datasets here: {', '.join(known)}." if len(known) <= 8 else ""


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.7)
    return f" Did you mean {near[0]!r}?" if near else ""
