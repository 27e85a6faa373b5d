"""Keywords as people write them, read at the door: each function takes the keyword and what was given for it, and
answers with the value, or raises a sentence that says what is expected. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar, cast

from ...storage.errors import DefinitionError
from ...storage.manifest import Column
from .column_types import UnknownType, spelled
from .durations import as_duration
from .faults import Location, report

Value = TypeVar("Value")
Word = TypeVar("Word", bound=StrEnum)


def told(
    read: Callable[[str, Any], Value],
    key: str,
    given: Any,
    *,
    instead: Value,
    about: str = "",
    where: Location | None = None,
) -> Value:
    """What is given, read; where it cannot be, that is reported, and `instead` stands in its place."""
    try:
        return read(key, given)
    except DefinitionError as error:
        report(DefinitionError(f"{about}{error.message}", hint=error.hint), where)
        return instead


def unknown_keyword(key: str, known: Iterable[str], *, of: str, about: str = "") -> DefinitionError:
    """That something takes no such keyword, with the nearest that it takes.

    >>> unknown_keyword("tag", ["name", "tags"], of="@asset").hint
    'Did you mean tags=?'
    """
    names = list(known)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.65)
    return DefinitionError(
        f"{about}{key}= is not a keyword of {of}",
        hint=f"Did you mean {near[0]}=?" if near else f"Known: {', '.join(names)}.",
    )


def count(key: str, value: Any) -> int:
    """A number of at least 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise DefinitionError(f"{key}={value!r} is no number of at least 1", hint=f"Write {key}=1.")


def flag(key: str, value: Any) -> bool:
    """True or False."""
    if isinstance(value, bool):
        return value
    raise DefinitionError(f"{key}={value!r} is neither True nor False", hint=f"Write {key}=True.")


def text(key: str, value: Any) -> str:
    """A text."""
    if isinstance(value, str):
        return value
    raise DefinitionError(f"{key}={value!r} is no text", hint=f'Write {key}="kb".')


def filled_text(key: str, value: Any) -> str:
    """A text that says something."""
    if isinstance(value, str) and value.strip():
        return value
    raise DefinitionError(f"{key}={value!r} is no name", hint=f'Write {key}="rows".')


def text_or_none(key: str, value: Any) -> str | None:
    """A text, or nothing."""
    return None if value is None else text(key, value)


def texts(key: str, value: Any) -> tuple[str, ...]:
    """Several texts; one text is one text, not its letters."""
    items = (value,) if isinstance(value, str) else _items(value)
    if items is not None and all(isinstance(item, str) for item in items):
        return items
    raise DefinitionError(f"{key}={value!r} is no list of texts", hint=f'Write {key}=["a", "b"].')


def word(words: type[Word]) -> Callable[[str, Any], Word]:
    """One word of a closed list."""

    def read(key: str, value: Any) -> Word:
        if value in tuple(words):
            return words(value)
        shown = repr(str(value)) if isinstance(value, str) else repr(value)
        raise DefinitionError(f"{key}={shown} is not known", hint=f"Use one of: {', '.join(words)}.")

    return read


def duration(key: str, value: Any) -> timedelta:
    """A length of time above zero: `"12h"` or a `timedelta`."""
    try:
        return as_duration(value)
    except DefinitionError as error:
        raise DefinitionError(f"{key}: {error.message}", hint=error.hint) from error


def duration_or_none(key: str, value: Any) -> timedelta | None:
    """A length of time, or nothing."""
    return None if value is None else duration(key, value)


def columns(key: str, value: Any) -> tuple[Column, ...] | None:
    """Declared columns: a mapping of name to type (a polars, pyarrow or Python type, or its name), or `Column`s."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        types = cast("Mapping[object, object]", value)
        if all(isinstance(name, str) for name in types):
            return _columns(key, cast("Mapping[str, object]", types))
    items = _items(value)
    if items is not None and all(isinstance(item, Column) for item in items):
        return items
    raise DefinitionError(
        f"{key}={value!r} are no columns", hint=f'Write name and type of each: {key}={{"id": "String"}}.'
    )


def mapping(key: str, value: Any) -> Mapping[str, Any]:
    """A mapping with text for keys."""
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in cast("Mapping[object, object]", value)):
        return cast("Mapping[str, Any]", value)
    raise DefinitionError(f"{key}={value!r} is no mapping of names", hint=f'Write {key}={{"name": …}}.')


def mapping_or_none(key: str, value: Any) -> Mapping[str, Any] | None:
    """A mapping, or nothing."""
    return None if value is None else mapping(key, value)


def columns_of(outputs: Iterable[str]) -> Callable[[str, Any], Mapping[str, Any]]:
    """Declared columns by output: those of each, `{"train": {"id": "Int64"}}`, or the same of all."""
    return partial(_by_output, list(outputs))


def _by_output(names: Sequence[str], key: str, value: Any) -> Mapping[str, Any]:
    given: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
    if not given or not all(isinstance(one, Mapping) for one in given.values()):
        return dict.fromkeys(names, cast("Any", value))
    unknown = [str(name) for name in given if name not in names]
    if unknown:
        raise DefinitionError(
            f"{key}= speaks of {', '.join(map(repr, unknown))}, which is no output of it",
            hint=f'Its outputs: {", ".join(names)}. Write {key}={{"{names[0] if names else "train"}": {{…}}}}.',
        )
    return given


def _columns(key: str, types: Mapping[str, object]) -> tuple[Column, ...]:
    found: list[Column] = []
    wrong: list[tuple[str, UnknownType]] = []
    for name, kind in types.items():
        try:
            found.append(Column(name=name, type=spelled(kind)))
        except UnknownType as error:
            wrong.append((name, error))
    if wrong:
        said = "; ".join(f"column {name!r} is declared as {error}" for name, error in wrong)
        raise DefinitionError(f"{key}: {said}, and there is no such type", hint=wrong[0][1].hint)
    return tuple(found)


def _items(value: Any) -> tuple[Any, ...] | None:
    return tuple(cast("Iterable[Any]", value)) if isinstance(value, Iterable) and not isinstance(value, str) else None
