"""The code fingerprint: equal as long as the code that makes a dataset says the same.

A fingerprint is taken over a graph of *parts*: the producer, every function and class of the project's own that it
reaches, and every constant that they read. Each part has a digest of what it says itself; the whole adds how they refer
to each other, by number, so that moving a helper to another module changes nothing, and recursion is just an edge.

What counts: syntax (annotations too, with the aliases in them: they decide what is handed in), defaults, closure
values, attributes of functions and classes, registered implementations, the module constants that are read, by value.
What does not: comments, docstrings, formatting, the producer's own name, decorators that were applied after it
(`@asset(…)`; its keywords are the definition, not the code). Code of an installed distribution or the standard library
counts by its name; a wrapper from there counts by its name, the decorator's text and what it wraps.

What cannot be followed is told: a sentence that names it, where it stands, and what to do instead. A producer without
inputs executes whenever it is asked for; of it, nothing is told that only looks outside (a file, a variable).

Must never keep a value: parts hold names and digests.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType, FunctionType, MethodType
from typing import Any, cast

from .annotations import signature
from .ownership import Home, home_of
from .parts.reader import Reader
from .text.source import uncollected


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The fingerprint of a producer.

    Attributes
    ----------
    digest: 64 hexadecimal digits; the same in every process and on every machine.
    parts: (name, digest) of the producer and of everything of the project's own that it reaches, in the order met;
        two fingerprints are compared part by part to say what changed: `helpers.cut`, `assets.SIZE`.
    missing: what could not be covered, each a sentence; a change there goes unnoticed.
    files: in which these parts are written, where that is known.
    """

    digest: str
    parts: tuple[tuple[str, str], ...]
    missing: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything that the producer reads is covered by its source or its value."""
        return not self.missing


def fingerprint(function: object) -> Fingerprint:
    """The code fingerprint of one producer: a function, a partial, a bound method or a callable object.

    Imports the project's own modules that the producer imports inside itself, since it would when called.

    >>> def double(x): return 2 * x
    >>> len(fingerprint(double).digest)
    64
    """
    return fingerprints([function])[0]


def fingerprints(functions: Iterable[object]) -> list[Fingerprint]:
    """The fingerprints of many producers; what they share is read once."""
    readers: dict[Home, Reader] = {}
    found: list[Fingerprint] = []
    with uncollected():
        for function in functions:
            home = _home(function)
            reader = readers.get(home) or readers.setdefault(home, Reader(home))
            found.append(_fingerprint(function, reader))
    return found


def _fingerprint(function: object, reader: Reader) -> Fingerprint:
    found = reader.read(function)
    missing = found.missing
    if found.looks and callable(function) and signature(function).inputs:
        missing += found.looks
    return Fingerprint(digest=found.digest, parts=found.parts, missing=tuple(dict.fromkeys(missing)), files=found.files)


def _home(function: object) -> Home:
    inner: Any = function
    while not isinstance(inner, FunctionType | MethodType):
        step: object = getattr(inner, "__wrapped__", None) or getattr(inner, "func", None)
        if not callable(step):
            inner = getattr(cast("object", inner).__class__, "__call__", None)  # noqa: B004  the method itself is wanted
            break
        inner = step
    inner = inspect.unwrap(inner) if isinstance(inner, FunctionType) else inner
    code: object = getattr(inner, "__code__", None)
    return home_of(inner.__module__ or "", code.co_filename) if isinstance(code, CodeType) else Home()
