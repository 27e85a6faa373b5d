"""Mappings: what a key of an upstream dataset means for the keys of its consumer, as somebody wrote it. Values only;
`relation.py` works them out between two partitionings.

    hourly.rollup(at_least=20, after="6h")      the day reads its hours
    daily.offset(-1)                            each day reads the day before
    daily.last()                                the newest window that is over
    daily.all()                                 every key
    scores.mapped({"eu": ["de", "fr"]})         upstream key → consumer keys, by a table or a function
    config.fanout("latest")                     news of what has no partitions starts the newest one
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from .....storage.errors import DatabaseFault, DefinitionError
from .....storage.types import Fanout, Late
from ....code.references import reference
from ... import keywords
from ...durations import as_duration, as_text
from ...faults import report
from ...keywords import told
from ..texts import read_key

Plain = dict[str, Any]
Function = Callable[[str], Iterable[str]]
"""Upstream key → consumer keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUp:
    """A window reads the finer windows that overlap it; where the consumer lacks a dimension, every key of that.

    Attributes
    ----------
    at_least: so many of them are enough; None: every one.
    after: so long after the window's end those that are there are enough; None: never.
    late: what follows when one comes after the window was made.
    """

    at_least: int | None = None
    after: timedelta | None = None
    late: Late = Late.EACH

    @property
    def label(self) -> str:
        """`rolled up, at least 20, after 6h, late ignore`."""
        least = "" if self.at_least is None else f", at least {self.at_least}"
        after = "" if self.after is None else f", after {as_text(self.after)}"
        return f"rolled up{least}{after}" + ("" if self.late is Late.EACH else f", late {self.late}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """A key reads the key that lies so many windows from it: -1 is the one before."""

    by: int

    @property
    def label(self) -> str:
        """`offset -1`."""
        return f"offset {self.by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """A key reads the newest upstream key: the last window that is over at its own end, or now where it has none."""

    @property
    def label(self) -> str:
        """`last`."""
        return "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """A key reads every upstream key."""

    @property
    def label(self) -> str:
        """`all`."""
        return "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Upstream key → consumer keys, written out."""

    rows: tuple[tuple[str, tuple[str, ...]], ...]
    dimension: str | None = None

    @property
    def label(self) -> str:
        """`mapped eu → de, fr; us → us`; of more than four keys their number."""
        shown = "; ".join(f"{key} → {', '.join(keys)}" for key, keys in self.rows[:4])
        return f"mapped {shown}" + (f"; … ({len(self.rows)} keys)" if len(self.rows) > 4 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """Upstream key → consumer keys, by a function of the project: kept as a reference, and what it says of itself.

    Attributes
    ----------
    reference: `module:qualified name`.
    description: the first line of its docstring.
    dimension: the one that it maps, where there are several.
    call: the function, while authoring; None once bound, and no part of equality.
    """

    reference: str
    description: str = ""
    dimension: str | None = None
    call: Function | None = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        """`mapped by regions:countries_of`."""
        return f"mapped by {self.reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanned:
    """News of what has no partitions starts these; whatever it says, it completes every one."""

    to: Fanout

    @property
    def label(self) -> str:
        """`fanned out to latest`."""
        return f"fanned out to {self.to}"


KeyMapping = RollUp | Offset | Last | All | Table | Computed | Fanned
"""What a leaf or an input says of keys; where it says nothing, the partitionings decide."""


def rolled_up(at_least: Any, after: Any, late: Any) -> RollUp:
    """What `rollup(…)` says."""
    least = None if at_least is None else told(keywords.count, "at_least", at_least, instead=1, about="rollup: ")
    return RollUp(
        at_least=least,
        after=told(keywords.duration_or_none, "after", after, instead=None, about="rollup: "),
        late=told(keywords.word(Late), "late", late, instead=Late.EACH, about="rollup: "),
    )


def offset(by: Any) -> Offset:
    """What `offset(…)` says."""
    return Offset(by=told(_steps, "offset", by, instead=-1))


def fanned_out(to: Any) -> Fanned:
    """What `fanout(…)` says."""
    return Fanned(to=told(keywords.word(Fanout), "fanout", to, instead=Fanout.NONE))


def mapped(by: Any, dimension: Any) -> Table | Computed:
    """What `mapped(…)` says: a table or a function."""
    name = told(keywords.text_or_none, "dimension", dimension, instead=None, about="mapped: ")
    if callable(by):
        function = cast("Function", by)
        said = inspect.getdoc(function) or ""
        return Computed(
            reference=str(reference(function)), description=said.partition("\n")[0], dimension=name, call=function
        )
    if not isinstance(by, Mapping) or not by:
        report(
            DefinitionError(
                f"mapped got {by!r}, which is neither a table nor a function",
                hint='Write upstream key → consumer keys: mapped({"eu": ["de", "fr"]}).',
            )
        )
        return Table(rows=(), dimension=name)
    rows = cast("Mapping[Any, Any]", by)
    return Table(rows=tuple(row for key, keys in rows.items() if (row := _row(key, keys)) is not None), dimension=name)


def without_code(mapping: KeyMapping | None) -> KeyMapping | None:
    """The same as plain data: the function is its reference alone."""
    if isinstance(mapping, Computed):
        return Computed(reference=mapping.reference, description=mapping.description, dimension=mapping.dimension)
    return mapping


def mapping_to_plain(mapping: KeyMapping) -> Plain:
    """A mapping as JSON-ready data: one key names what it is.

    >>> mapping_to_plain(Offset(by=-1))
    {'offset': -1}
    """
    match mapping:
        case RollUp(at_least=least, after=after, late=late):
            said: Plain = {"at_least": least, "after": None if after is None else as_text(after), "late": late.value}
            return {"rollup": {key: value for key, value in said.items() if value not in {None, Late.EACH.value}}}
        case Offset(by=by):
            return {"offset": by}
        case Last():
            return {"last": True}
        case All():
            return {"all": True}
        case Table(rows=rows, dimension=dimension):
            plain: Plain = {"table": [[key, list(keys)] for key, keys in rows]}
            return plain if dimension is None else {**plain, "dimension": dimension}
        case Computed():
            plain = {"function": mapping.reference, "description": mapping.description}
            return plain if mapping.dimension is None else {**plain, "dimension": mapping.dimension}
        case Fanned(to=to):
            return {"fanout": to.value}


def mapping_from_plain(plain: Mapping[str, Any]) -> KeyMapping:
    """The mapping that `mapping_to_plain` wrote.

    Raises
    ------
    DatabaseFault: it is of a kind, or has a word, that this penstock does not know.
    """
    match plain:
        case {"rollup": said, **more} if not more and _only(said, {"at_least", "after", "late"}):
            rollup: Plain = said
            after = rollup.get("after")
            return RollUp(
                at_least=rollup.get("at_least"),
                after=None if after is None else as_duration(after),
                late=Late(rollup.get("late", Late.EACH)),
            )
        case {"offset": int(by), **more} if not more:
            return Offset(by=by)
        case {"last": True, **more} if not more:
            return Last()
        case {"all": True, **more} if not more:
            return All()
        case {"table": rows, **more} if more.keys() <= {"dimension"}:
            return Table(rows=tuple((key, tuple(keys)) for key, keys in rows), dimension=more.get("dimension"))
        case {"function": named, "description": text, **more} if more.keys() <= {"dimension"}:
            return Computed(reference=named, description=text, dimension=more.get("dimension"))
        case {"fanout": word, **more} if not more and word in tuple(Fanout):
            return Fanned(to=Fanout(word))
        case _:
            raise DatabaseFault(
                f"a stored mapping has the keys {sorted(plain)}, which this penstock does not know",
                hint="Upgrade penstock to the version that wrote it.",
            )


def _only(said: Any, words: set[str]) -> bool:
    return said.keys() <= words and said.get("late", "each") in tuple(Late)


def _steps(key: str, given: Any) -> int:
    if isinstance(given, int) and not isinstance(given, bool) and given:
        return given
    hint = "Write offset(-1) for the window before."
    raise DefinitionError(f"{key}({given!r}) is no number of windows to go", hint=hint)


def _row(key: Any, keys: Any) -> tuple[str, tuple[str, ...]] | None:
    several = told(keywords.texts, f"mapped {key!r}", keys, instead=())
    read = [told(read_key, "mapped", one, instead="") for one in (key, *several)]
    return (read[0], tuple(dict.fromkeys(read[1:]))) if all(read) and len(read) > 1 else None
