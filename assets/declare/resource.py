"""`@resource`: what a producer needs for as long as it runs, set up before and torn down after. Pure: nothing is set up
here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any, overload

from .faults import Location, caller

SetUp = Callable[..., Iterator[Any]]


class _TheRecord:
    """In place of a value: the record is it."""


_RECORD = _TheRecord()


@dataclass(frozen=True, slots=True)
class Leftover:
    """Yielded by a resource for what stays behind when its worker is killed (a cloud cluster, a temporary database).

    The record is stored before a producer gets the value. Should the worker die, the next one calls the resource's
    `cleanup` with it, at least once.

    Attributes
    ----------
    value: what the producer gets; by default the record.
    record: plain JSON values, without secrets, by which `cleanup` finds it: `{"database": "tmp_0042"}`.
    """

    value: Any = field(default=_RECORD, repr=False)
    record: Mapping[str, Any] = field(default_factory=dict[str, Any], kw_only=True)

    @property
    def given(self) -> Any:
        """What the producer gets."""
        return self.record if self.value is _RECORD else self.value


class Resource:
    """A decorated generator: what it yields is there for a producer, what comes behind its `yield` tears it down.

    Attributes
    ----------
    function: the generator itself; name: under which parameters find it.
    inputs: parameter → resource or name of one, where the names differ.
    cleaner: what `@….cleanup` decorates, if anything.
    location: file and line of the declaration.
    """

    def __init__(
        self, function: SetUp, *, name: str | None, inputs: Mapping[str, Any] | None, location: Location
    ) -> None:
        self.function = function
        self.name = name or str(getattr(function, "__name__", "resource"))
        self.inputs = dict(inputs or {})
        self.cleaner: Callable[..., object] | None = None
        self.location = location
        update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """The plain generator, called."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<resource {self.name}>"

    def cleanup(self, function: Callable[..., object]) -> Callable[..., object]:
        """Declare what removes, from outside, what a killed worker left over: called with the record of a `Leftover`,
        at least once, so that what is gone already must be no error to it."""
        self.cleaner = function
        return function


@overload
def resource(function: SetUp, /) -> Resource: ...
@overload
def resource(*, name: str | None = None, inputs: Mapping[str, Any] | None = None) -> Callable[[SetUp], Resource]: ...
def resource(
    function: SetUp | None = None, /, *, name: str | None = None, inputs: Mapping[str, Any] | None = None
) -> Resource | Callable[[SetUp], Resource]:
    """Declare what producers need while they run: the decorated generator sets it up, yields it once, tears it down.

    A producer, or another resource, asks for it by a parameter of its name, or by `inputs={"db": database}` where the
    names differ. It is set up once an attempt, before the producer is called, and torn down when what the producer gave
    is written, also after a failure or when somebody stops it.

    Parameters
    ----------
    name: by default that of the function.
    inputs: parameter → resource, where the names differ.

    Nothing is raised here: every fault is reported by `Definitions`, together with the others.

    >>> @resource
    ... def greeting():
    ...     yield "hello"
    >>> next(greeting())
    'hello'
    """
    location = caller()

    def decorate(function: SetUp) -> Resource:
        return Resource(function, name=name, inputs=inputs, location=location)

    return decorate if function is None else decorate(function)
