"""What a producer needs beside its inputs: secrets and resources, bound, in the order of setting up. Pure."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..code.annotations import Signature, signature
from ..code.yields import yields_in_turn
from .asset import AssetFunction
from .faults import Fault
from .resource import Resource
from .secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A resource with what it is called with: parameter → secret, parameter → name of a resource set up before it."""

    resource: Resource
    secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    resources: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a producer needs.

    Attributes
    ----------
    secrets: parameter → secret.
    resources: parameter → name of the resource.
    uses: the resources that are set up for it, each behind those that it needs.
    """

    secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    resources: Mapping[str, str] = field(default_factory=dict[str, str])
    uses: tuple[Use, ...] = ()

    @property
    def every_secret(self) -> tuple[str, ...]:
        """The names of all secrets that are looked up for it, each once."""
        found = (*self.secrets.values(), *(one for use in self.uses for one in use.secrets.values()))
        return tuple(dict.fromkeys(one.name for one in found))


class Needing:
    """Every resource of the definitions by name, and what is wrong with them.

    Attributes
    ----------
    resources: by name.
    faults: of the resources themselves.
    """

    def __init__(self, resources: Iterable[Resource], functions: Sequence[AssetFunction]) -> None:
        self.faults: list[Fault] = []
        self.resources: dict[str, Resource] = {}
        self._uses: dict[str, Use] = {}
        mentioned = [given for one in functions for given in one.inputs.values() if isinstance(given, Resource)]
        self._all = _with_theirs([*resources, *mentioned])
        for one in self._all:
            first = self.resources.setdefault(one.name, one)
            if first is not one:
                message = f"two resources are called {one.name!r}; the other is at {first.location}"
                hint = "Names are unique in a project: say @resource(name=…) at one of them."
                self.faults.append(Fault(kind="same_name", message=message, hint=hint, where=one.location))
        for one in self.resources.values():
            self._uses[one.name] = self._use(one)
        self._cyclic = self._find_cycles()

    def of(self, one: AssetFunction, form: Signature, datasets: Iterable[str]) -> tuple[Needs, list[Fault]]:
        """What a producer needs, and what is wrong with that; `datasets`: the names that mean data."""
        faults: list[Fault] = []
        found: dict[str, str] = {}
        for parameter in form.inputs:
            given = one.inputs.get(parameter.name)
            if isinstance(given, Resource):
                found[parameter.name] = given.name
            elif given is None and parameter.name in self.resources:
                found[parameter.name] = parameter.name
                if parameter.name in datasets:
                    faults.append(
                        Fault(
                            kind="same_name",
                            message=f"asset {one.name}: parameter {parameter.name!r} could mean the resource "
                            f"({self.resources[parameter.name].location}) or the dataset of that name",
                            hint="Say which: inputs={…}, or another name for one of them.",
                            where=one.location,
                        )
                    )
        secrets = {each.name: each.secret for each in form.secrets}
        uses = () if self._cyclic else tuple(self._in_order(found.values()))
        return Needs(secrets=secrets, resources=found, uses=uses), faults

    def _in_order(self, names: Iterable[str]) -> Iterator[Use]:
        """These resources, and behind nothing that they need: each once."""
        done: set[str] = set()

        def visit(name: str) -> Iterator[Use]:
            use = self._uses.get(name)
            if use is None or name in done:
                return
            done.add(name)
            for other in use.resources.values():
                yield from visit(other)
            yield use

        for name in names:
            yield from visit(name)

    def _use(self, one: Resource) -> Use:
        form = signature(one.function)
        self._check_form(one, form)
        bound: dict[str, str] = {}
        spared = {name for name, each in _parameters(one).items() if each.default is not each.empty}
        for parameter in form.inputs:
            given: Any = one.inputs.get(parameter.name, parameter.name)
            name = given.name if isinstance(given, Resource) else str(given)
            if name in self.resources:
                bound[parameter.name] = name
            elif parameter.name not in spared:
                near = difflib.get_close_matches(name, sorted(self.resources), n=1, cutoff=0.7)
                here = f"Resources here: {', '.join(sorted(self.resources))}."
                self._wrong(
                    one,
                    f"needs {name!r} for parameter {parameter.name!r}, which is no resource",
                    (f"Did you mean {near[0]!r}?" if near else here)
                    + " A resource takes resources, and secrets behind `*`; data are for producers.",
                )
        return Use(resource=one, secrets={each.name: each.secret for each in form.secrets}, resources=bound)

    def _check_form(self, one: Resource, form: Signature) -> None:
        """What is wrong with the generator and its parameters, whatever they are bound to."""
        inner = inspect.unwrap(one.function)
        if inspect.isasyncgenfunction(inner) or inspect.iscoroutinefunction(inner):
            self._wrong(one, "is `async def`", "Write `def`, and run what is asynchronous with asyncio.run(…) inside.")
        elif not inspect.isgeneratorfunction(inner):
            self._wrong(one, "is no generator", "Set up, `yield` what is needed, tear down behind it.")
        elif yields_in_turn(inner) > 1:
            self._wrong(one, "yields twice", "What comes behind its one `yield` tears down.")
        self._check_parameters(one, form)

    def _check_parameters(self, one: Resource, form: Signature) -> None:
        for fault in form.faults:
            if fault.secret:
                self._wrong(one, f"is wrong: {fault.message}", fault.hint)
        if form.context is not None or form.partition is not None:
            self._wrong(one, "asks for a context or a partition, which producers have", "Take the parameter out.")
        for each in _parameters(one).values():
            if each.kind is each.POSITIONAL_ONLY or (each.kind is each.KEYWORD_ONLY and each.default is each.empty):
                self._wrong(one, f"has the parameter {each.name!r}, which nobody gives it", "Give it a default.")
        for name in one.inputs:
            if name not in {parameter.name for parameter in form.inputs}:
                self._wrong(one, f"binds {name!r} by inputs=, which is no parameter of it", "Take it out.")

    def _find_cycles(self) -> bool:
        """Whether resources need each other in a circle, each told once as a path."""
        told: set[frozenset[str]] = set()
        for start in self._uses:
            path = self._path_back(start)
            if path and frozenset(path) not in told:
                told.add(frozenset(path))
                shown = " → ".join((*path, path[0]))
                self._wrong(self.resources[start], f"needs itself: {shown}", "Take one of these needs out.")
        return bool(told)

    def _path_back(self, start: str) -> tuple[str, ...]:
        """The shortest way from a resource over what it needs back to it; () where there is none."""
        paths: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        for path in paths:
            for other in self._uses[path[-1]].resources.values():
                if other == start:
                    return path
                if other not in seen:
                    seen.add(other)
                    paths.append((*path, other))
        return ()

    def _wrong(self, one: Resource, what: str, hint: str) -> None:
        message = f"resource {one.name} {what}"
        self.faults.append(Fault(kind="resource", message=message, hint=hint, where=one.location))


def _parameters(one: Resource) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(one.function).parameters
    except (TypeError, ValueError):
        return {}


def _with_theirs(resources: Iterable[Resource]) -> list[Resource]:
    """These resources and those that they name by `inputs=`, each once."""
    found: dict[int, Resource] = {}
    todo = list(resources)
    while todo:
        one = todo.pop(0)
        if id(one) not in found:
            found[id(one)] = one
            todo += [given for given in one.inputs.values() if isinstance(given, Resource)]
    return list(found.values())
