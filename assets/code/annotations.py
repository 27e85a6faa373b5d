"""From a function to what it takes and gives, by its annotations alone; no frame library is imported.

Which form (`ValueKind`) an annotation means is a table of dotted names. A parameter without an annotation, or one of
`Any`, has no form: the default of the dataset's format decides. What cannot be read or given is a fault, a sentence
that names the function, the parameter and the annotation; nothing is raised.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from ...storage.types import JsonType, ValueKind
from .forms import Form, Scope, Unresolved
from .kinds import KNOWN_FORMS, Meaning, meaning_of, penstock_name, shown
from .outputs import EACH, OutputForm, ReturnForm, SignatureFault, return_form
from .parameter_types import RunParameter, run_parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class InputParameter:
    """A parameter that takes a dataset.

    Attributes
    ----------
    kind: the form it asks for; None where the format's own default decides.
    json: the outermost types that it names, of a JSON value or a text; () for any.
    optional: `… | None`, or None as default: it may be handed in as None.
    annotation: as it is written; "" for none.
    found: the class that it names, where it takes any Python object.
    has_default: another default than None, which would never be used.
    """

    name: str
    kind: ValueKind | None = None
    json: tuple[JsonType, ...] = ()
    optional: bool = False
    annotation: str = ""
    found: type | None = None
    has_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretParameter:
    """A keyword-only parameter that takes a secret; `secret` is the `penstock.Secret` that is its default."""

    name: str
    secret: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a producer takes and gives.

    Attributes
    ----------
    context, partition: names of the parameters that take the `penstock.Context` and the `penstock.Partition`, if any.
    """

    inputs: tuple[InputParameter, ...] = ()
    parameters: tuple[RunParameter, ...] = ()
    secrets: tuple[SecretParameter, ...] = ()
    context: str | None = None
    partition: str | None = None
    returns: ReturnForm = field(default_factory=ReturnForm)
    faults: tuple[SignatureFault, ...] = ()


def signature(function: Callable[..., Any]) -> Signature:
    """The inputs, run parameters, context and return form of a producer, with every fault in them.

    Parameters are inputs, keyword-only ones with a default are run parameters, and the one annotated
    `penstock.Context` (or called `ctx` without an annotation) takes the context, the one annotated
    `penstock.Partition` the partition.

    >>> def cut(docs: bytes, *, size: int = 800) -> str: ...
    >>> [(one.name, one.kind.value) for one in signature(cut).inputs], signature(cut).parameters[0].default
    ([('docs', 'bytes')], 800)
    """
    return _Reader(function).read()


class _Reader:
    """One signature being read; faults gather in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.faults: list[SignatureFault] = []
        inner = _innermost(function)
        self.scope = _scope(inner)
        self.title = getattr(inner, "__qualname__", type(function).__qualname__).rpartition("<locals>.")[2]
        if isinstance(inner, FunctionType):
            self.title += f" ({inner.__code__.co_filename}:{inner.__code__.co_firstlineno})"

    def read(self) -> Signature:
        try:
            found = inspect.signature(self.function)
        except (TypeError, ValueError):
            self.fault("has no signature that can be read", "Wrap it in a function with named parameters.")
            return Signature(faults=tuple(self.faults))
        inputs: list[InputParameter] = []
        parameters: list[RunParameter] = []
        secrets: list[SecretParameter] = []
        contexts: list[str] = []
        partitions: list[str] = []
        for parameter in found.parameters.values():
            form = self.form(parameter)
            if _is_context(parameter, form):
                contexts.append(parameter.name)
            elif form is not None and penstock_name(form.name) == "penstock.Partition":
                partitions.append(parameter.name)
            elif _is_secret(parameter, form):
                secrets += self.secret(parameter)
            elif parameter.kind is parameter.KEYWORD_ONLY:
                parameters.append(self.run_parameter(parameter, form))
            elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                inputs.append(self.input(parameter, form))
            else:
                self.unbindable(parameter)
        self.check_whole(contexts, partitions)
        return Signature(
            inputs=tuple(inputs),
            parameters=tuple(parameters),
            secrets=tuple(secrets),
            context=contexts[0] if contexts else None,
            partition=partitions[0] if partitions else None,
            returns=self.returns(found.return_annotation),
            faults=tuple(self.faults),
        )

    def check_whole(self, contexts: list[str], partitions: list[str]) -> None:
        """What is wrong with the function as a whole."""
        for what, names in (("context", contexts), ("partition", partitions)):
            if len(names) > 1:
                self.fault(f"takes the {what} twice: {', '.join(names)}", "One parameter is enough.")
        if inspect.iscoroutinefunction(self.function) or inspect.isasyncgenfunction(self.function):
            self.fault("is `async def`, and producers are called, not awaited", "Write `def`, inside asyncio.run(…).")

    def fault(self, what: str, hint: str, object_of: str | None = None) -> None:
        self.faults.append(SignatureFault(message=f"{self.title} {what}", hint=hint, object_of=object_of))

    def form(self, parameter: inspect.Parameter) -> Form | None:
        """The form of a parameter's annotation; None for none, or for one that cannot be read."""
        if parameter.annotation is parameter.empty:
            return None
        return self.resolved(parameter.annotation, f"parameter {parameter.name}")

    def resolved(self, annotation: object, what: str) -> Form | None:
        try:
            return self.scope.form_of(annotation)
        except Unresolved as why:
            self.fault(
                f"annotates {what} as {shown(annotation)}, which cannot be read: {why}",
                "Import the name in that module (under `if TYPE_CHECKING` is enough), or leave the annotation out.",
            )
            return None

    def input(self, parameter: inspect.Parameter, form: Form | None) -> InputParameter:
        annotation = "" if parameter.annotation is parameter.empty else shown(parameter.annotation)
        meaning = Meaning() if form is None else meaning_of(form)
        if not meaning.why and (meaning.kind is ValueKind.OPAQUE or meaning.outputs == "stream"):
            meaning = Meaning(
                why="is for what a producer gives", hint="Take penstock.Version: the pinned version itself."
            )
        if not meaning.why and meaning.outputs and meaning.kind is None:
            meaning = Meaning(why="is no JSON value", hint=f"Take one of: {KNOWN_FORMS}.")
        if meaning.why:
            kept = parameter.name if meaning.kind is ValueKind.OBJECT else None
            self.fault(f"takes {parameter.name} as {annotation}, which {meaning.why}", meaning.hint, kept)
        default: object = parameter.default
        return InputParameter(
            name=parameter.name,
            kind=meaning.kind,
            json=meaning.json,
            optional=meaning.optional or default is None,
            annotation=annotation,
            found=meaning.found,
            has_default=default is not parameter.empty and default is not None,
        )

    def run_parameter(self, parameter: inspect.Parameter, form: Form | None) -> RunParameter:
        annotation = "" if parameter.annotation is parameter.empty else shown(parameter.annotation)
        if parameter.default is parameter.empty:
            self.fault(
                f"has the keyword-only parameter {parameter.name} without a default",
                f"Give it one (`{parameter.name}={'1' if annotation == 'int' else '…'}`), or move it before the `*` if "
                "it takes a dataset.",
            )
        default: object = None if parameter.default is parameter.empty else parameter.default
        found, why = run_parameter(parameter.name, annotation, form, default)
        if why and parameter.default is not parameter.empty:
            self.fault(
                f"has the run parameter {parameter.name}: {annotation or 'without annotation'} = {default!r}, {why}",
                "Run parameters are int, float, str, bool, Literal, Enum, date, datetime, timedelta, or lists, dicts "
                "and `| None` of these.",
            )
        return found

    def secret(self, parameter: inspect.Parameter) -> Iterator[SecretParameter]:
        default: object = parameter.default
        if parameter.kind is parameter.KEYWORD_ONLY and _is_of_secret(default):
            yield SecretParameter(name=parameter.name, secret=default)
            return
        message = f"{self.title} takes the secret {parameter.name}, which does not say its name"
        hint = f'Put it behind `*` with one as default: {parameter.name}: Secret = Secret("NAME").'
        self.faults.append(SignatureFault(message=message, hint=hint, secret=True))

    def returns(self, annotation: object) -> ReturnForm:
        if annotation is inspect.Signature.empty:
            return ReturnForm()
        form = self.resolved(annotation, "its return value")
        if form is None:
            return ReturnForm(whole=OutputForm(annotation=shown(annotation)))
        found, meaning = return_form(form, annotation, self.scope)
        if meaning.why:
            kept = EACH if meaning.kind is ValueKind.OBJECT else None
            self.fault(f"gives {shown(annotation)}, which {meaning.why}", meaning.hint, kept)
        return found

    def unbindable(self, parameter: inspect.Parameter) -> None:
        if parameter.kind is parameter.POSITIONAL_ONLY:
            self.fault(f"takes {parameter.name} by position only", "Remove the `/`: inputs are handed in by name.")
            return
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
        self.fault(
            f"has the parameter {stars}{parameter.name}, and no dataset can be bound to it",
            "Name every input; for a wrapper, copy the signature by functools.wraps.",
        )


def _is_context(parameter: inspect.Parameter, form: Form | None) -> bool:
    if form is None:
        return parameter.name == "ctx" and parameter.annotation is parameter.empty
    return penstock_name(form.name) == "penstock.Context"


def _is_secret(parameter: inspect.Parameter, form: Form | None) -> bool:
    if form is not None and penstock_name(form.name) == "penstock.Secret":
        return True
    return _is_of_secret(parameter.default)


def _is_of_secret(value: object) -> bool:
    kind = type(value)
    return penstock_name(f"{kind.__module__}.{kind.__qualname__}") == "penstock.Secret"


def _layers(function: object) -> Iterator[object]:
    """The function and what it wraps: partials, bound methods, `__wrapped__`, `__call__`."""
    inner = function
    for _ in range(100):
        yield inner
        step: object = getattr(inner, "__wrapped__", None) or getattr(inner, "func", None)
        step = step or getattr(inner, "__func__", None)
        if step is None and not isinstance(inner, FunctionType):
            step = getattr(type(inner), "__call__", None)  # noqa: B004  the method itself is wanted
        if step is None or not callable(step):
            return
        inner = step


def _innermost(function: object) -> object:
    *_, last = (layer for layer in _layers(function) if isinstance(layer, FunctionType) or layer is function)
    return last


_scopes: dict[tuple[int, str], Scope] = {}


def _scope(inner: object) -> Scope:
    """Where the annotations of a function are looked up; functions of one module that close over nothing share it."""
    if not isinstance(inner, FunctionType):
        return Scope({}, {}, "")
    filename, namespace = inner.__code__.co_filename, inner.__globals__
    if not inner.__code__.co_freevars:
        known = _scopes.get((id(namespace), filename))
        if known is not None and known.module is namespace:
            return known
        return _scopes.setdefault((id(namespace), filename), Scope({}, namespace, filename))
    cells = zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=True)
    nearby: dict[str, Any] = {}
    for name, cell in cells:
        try:
            nearby[name] = cell.cell_contents
        except ValueError:  # an empty cell: defined later
            continue
    return Scope(nearby, namespace, filename)
