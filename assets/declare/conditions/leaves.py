"""The leaves of a condition that are about datasets: which of their events count, and how old they may be. Values only.

    docs                                    a pending event
    docs.updated()                          … that may also say that nothing changed
    docs.removed()                          that the dataset is gone
    docs.count(3)                           at least three changes
    docs.where(meta("rows") > 1000)         events whose metadata say so
    docs.since(Cron("0 6 * * *"))           events that came after the last tick
    docs.fresh("12h")                       the newest event is at most so old; starts nothing
    hours.rollup(at_least=20)               what its keys mean here: `partitions/mapping/mappings.py` has the list
    stale("7d")                             the last success is so long ago

An input whose dataset is narrowed by `where` or `since` is pinned to the newest event that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ....storage.errors import DefinitionError
from ....storage.types import Fanout, Late
from ....storage.uri import matches
from .. import keywords
from ..durations import as_text
from ..faults import report
from ..keywords import told
from ..partitions.mapping import mappings
from ..partitions.mapping.mappings import KeyMapping
from .predicates import Both, Meta, Predicate
from .tree import Condition, Conditional, children_of, leaves, with_children
from .walking import fold

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..ticks.timetables import Timetable

_REMOVED = " removed"


class News(Conditional):
    """What has events that a condition can narrow: a dataset, an asset, a leaf."""

    __slots__ = ()

    def updated(self) -> Condition:
        """Also an event that says that nothing changed (`confirmed`) may start a run."""
        return _narrowed(self, "updated", confirmed=True)

    def removed(self) -> Condition:
        """Holds when the dataset has been removed where it was observed."""
        return _narrowed(self, "removed", removal=True)

    def count(self, least: int) -> Condition:
        """Holds when at least so many changes are pending; all of them are taken."""
        return _narrowed(self, "count", least=told(_least, "count", least, instead=1))

    def where(self, *predicates: Predicate) -> Condition:
        """Only events count whose metadata meet every predicate: `ranker.where(meta("accuracy") > 0.9)`.

        Said repeatedly, all of them have to be met.
        """
        if not predicates:
            hint = 'Write e.g. where(meta("rows") > 0), or leave it out.'
            report(DefinitionError("where() says nothing of the metadata", hint=hint))
        found = [one for one in predicates if told(_predicate, "where", one, instead=None) is not None]
        return _narrowed(
            self, "where", predicate=Both(parts=tuple(found)) if len(found) > 1 else next(iter(found), None)
        )

    def since(self, timetable: Timetable) -> Condition:
        """Only events count that came at or after the last tick of the timetable."""
        return _narrowed(self, "since", timetable=told(_timetable, "since", timetable, instead=None))

    def fresh(self, age: str | timedelta) -> Condition:
        """Holds while the newest event, confirmed ones included, is at most so old. It completes and starts nothing."""
        leaf = self.as_condition()
        longest = told(keywords.duration, "age", age, instead=None, about="fresh: ")
        if not isinstance(leaf, DatasetLeaf) or longest is None:
            return leaf
        if leaf.narrowing or leaf.match:
            report(
                DefinitionError(
                    f"{leaf.label}: fresh() asks how old the newest event of one dataset is, whatever it says",
                    hint='Write docs.fresh("12h") beside it: docs.where(…) & docs.fresh("12h").',
                )
            )
            return leaf
        return Fresh(uri=leaf.uri, age=longest, dataset=leaf.dataset)

    def rollup(
        self, *, at_least: int | None = None, after: str | timedelta | None = None, late: Late | str = Late.EACH
    ) -> Condition:
        """A window of the asset reads the finer windows that overlap it, and is complete when all of them are there; so
        does a key of what has a dimension less: a day what all regions have for it.

        Parameters
        ----------
        at_least: so many of them are enough: `hours.rollup(at_least=20)`.
        after: so long after the window's end those that are there are enough: `"6h"`.
        late: what follows when one comes after the window was made: `"each"`: it is made again, `"complete"`: once
            more, when all are there, `"ignore"`: nothing.
        """
        return _narrowed(self, "rollup", mapping=mappings.rolled_up(at_least, after, late))

    def offset(self, by: int) -> Condition:
        """Each window of the asset reads the one that lies so many from it: `daily.offset(-1)` is the day before."""
        return _narrowed(self, "offset", mapping=mappings.offset(by))

    def last(self) -> Condition:
        """Reads the newest key: the last window that was over at the end of the asset's own, or is over now."""
        return _narrowed(self, "last", mapping=mappings.Last())

    def all(self) -> Condition:
        """Every partition of the asset reads every key."""
        return _narrowed(self, "all", mapping=mappings.All())

    def mapped(
        self, by: Mapping[str, str | Iterable[str]] | mappings.Function, *, dimension: str | None = None
    ) -> Condition:
        """Which keys of the asset a key concerns: `scores.mapped({"eu": ["de", "fr"]})`, or a function that says so.

        A function takes an upstream key and gives keys; it is asked again and again, and says the same each time. Where
        there are several dimensions, both are the parts of keys in one of them: `dimension` says which is meant.
        """
        return _narrowed(self, "mapped", mapping=mappings.mapped(by, dimension))

    def keyed(self, column: str) -> Condition:
        """A frame of several partitions gets a column in front that holds the key of each row:
        `inputs={"hours": hourly.keyed("hour")}`."""
        return _narrowed(self, "keyed", key_column=told(keywords.text, "keyed", column, instead="key"))

    def fanout(self, to: Fanout | str) -> Condition:
        """Which partitions of the asset news of what has none starts: `"latest"`, `"all"`, `"none"`."""
        return _narrowed(self, "fanout", mapping=mappings.fanned_out(to))


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLeaf(Condition, News):
    """Holds for a consumer when the dataset has so many pending events that count.

    Attributes
    ----------
    uri: identity of the dataset; of a `match`, a pattern in which `*` stands for anything but a slash.
    confirmed: whether `confirmed` events may start a run too.
    removal: whether removals count, and nothing else.
    least: how many have to be pending.
    predicate: which metadata count; None: any.
    timetable: after the last tick of which timetable events count; None: any time.
    match: whether `uri` is a pattern, for datasets that are known once their events arrive.
    mapping: what its keys mean for the asset; None: what follows from how both are divided.
    key_column: the column of the input that holds the key; of no account for the condition.
    dataset: the declared object, while authoring; None once bound, and no part of equality.
    """

    uri: str
    confirmed: bool = False
    removal: bool = False
    least: int = 1
    predicate: Predicate | None = None
    timetable: Timetable | None = None
    match: bool = False
    mapping: KeyMapping | None = None
    key_column: str | None = field(default=None, compare=False)
    dataset: Dataset | None = field(default=None, compare=False, repr=False)

    @property
    def narrowing(self) -> str:
        """What is said beyond the dataset, as people read it: ` where rows > 1000`; "" for the dataset alone."""
        parts = [
            _REMOVED if self.removal else "",
            " updated" if self.confirmed else "",
            "" if self.predicate is None else f" where {self.predicate}",
            "" if self.timetable is None else f" since {self.timetable.label}",
            "" if self.least == 1 else f" {self.least} times",
            "" if self.mapping is None else f" {self.mapping.label}",
        ]
        return "".join(parts)

    @property
    def label(self) -> str:
        """Its identity within a condition: `chunks.parquet where rows > 1000`."""
        plain = self.least == 1 and not (self.confirmed or self.removal or self.selective)
        return self.uri if plain else f"{self.uri}{self.narrowing}"  # asked for often, and most leaves are plain

    def is_about(self, uri: str) -> bool:
        """Whether it waits for this dataset, by its URI or by a pattern.

        >>> DatasetLeaf(uri="raw/*/docs.json", match=True).is_about("raw/de/docs.json")
        True
        """
        return matches(self.uri, uri) if self.match else self.uri == uri

    @property
    def selective(self) -> bool:
        """Whether it has to be asked of each event if it counts; sums of all that is pending do not tell."""
        return self.predicate is not None or self.timetable is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh(Condition):
    """Holds while the newest event of the dataset, confirmed ones included, is at most so old."""

    uri: str
    age: timedelta
    dataset: Dataset | None = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        """`docs.parquet fresh 12h`."""
        return f"{self.uri}{self.narrowing}"

    @property
    def narrowing(self) -> str:
        """` fresh 12h`."""
        return f" fresh {as_text(self.age)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale(Condition):
    """Holds when the last successful execution of the asset itself is so long ago, or was never."""

    age: timedelta

    @property
    def label(self) -> str:
        """`stale 7d`."""
        return f"stale {as_text(self.age)}"


def stale(age: str | timedelta) -> Stale:
    """Holds when the asset was last executed with success so long ago, or never: `docs | stale("7d")`.

    It starts one run in that time: after one that failed, news may start the next, or staleness when that is so old.
    """
    return Stale(age=told(keywords.duration, "age", age, instead=timedelta(days=1), about="stale: "))


def dataset_leaves(condition: Condition | None) -> Iterator[DatasetLeaf]:
    """Every leaf of the tree that waits for events, from left to right."""
    return (leaf for leaf in leaves(condition) if isinstance(leaf, DatasetLeaf))


def named_in(condition: Condition | None) -> Iterator[DatasetLeaf | Fresh]:
    """Every leaf of the tree that is about one named dataset, from left to right."""
    for leaf in leaves(condition):
        if isinstance(leaf, Fresh) or (isinstance(leaf, DatasetLeaf) and not leaf.match):
            yield leaf


def bound(condition: Condition, aliases: Mapping[str, str] = MappingProxyType({})) -> Condition:
    """The same tree without the authoring objects in its leaves, and under their own URIs: plain data.

    `aliases`: another URI of a dataset → its own.
    """

    def made(node: Condition, children: tuple[Condition, ...]) -> Condition:
        if isinstance(node, DatasetLeaf):
            mapping = mappings.without_code(node.mapping)
            uri = aliases.get(node.uri, node.uri)
            return replace(node, dataset=None, uri=uri, mapping=mapping, key_column=None)
        if isinstance(node, Fresh):
            return replace(node, dataset=None, uri=aliases.get(node.uri, node.uri))
        return with_children(node, children)

    return fold(condition, children_of, made)


def _narrowed(thing: News, by: str, **narrowing: Any) -> Condition:
    """The leaf of a dataset, narrowed once more; what is no leaf of a dataset was told already and stays."""
    leaf = thing.as_condition()
    if not isinstance(leaf, DatasetLeaf):
        return leaf
    if leaf.timetable is not None and "timetable" in narrowing:
        hint = "Name several crons in one timetable, or write two leaves: docs.since(a) & docs.since(b)."
        report(DefinitionError(f"{leaf.label}: since() is said twice", hint=hint))
    if "mapping" in narrowing and (leaf.mapping is not None or leaf.match):
        why = "what its keys mean is said twice" if leaf.mapping is not None else "a pattern names no keys"
        report(DefinitionError(f"{leaf.label}: {why}", hint=f"Leave {by}() out."))
        return leaf
    if leaf.predicate is not None and narrowing.get("predicate") is not None:
        narrowing["predicate"] = leaf.predicate & narrowing["predicate"]
    found = replace(leaf, **{key: value for key, value in narrowing.items() if value is not None})
    if found.removal and replace(found, mapping=None).narrowing != _REMOVED:
        report(
            DefinitionError(
                f"{found.label}: removed() holds by any removal, and {by}() cannot narrow that",
                hint="Write two leaves: docs.removed() | docs.where(…).",
            )
        )
        return replace(found, confirmed=False, least=1, predicate=None, timetable=None)
    return found


def _least(key: str, given: Any) -> int:
    try:
        return keywords.count(key, given)
    except DefinitionError as error:
        message = f"{key}({given!r}) asks for no number of changes"
        raise DefinitionError(message, hint=f"Write a whole number of at least 1: {key}(3).") from error


def _predicate(key: str, given: Any) -> Predicate:
    if isinstance(given, Predicate):
        return given
    if isinstance(given, Meta):
        hint = f"Write meta({given.key!r}).is_true(), or compare it."
        raise DefinitionError(f"{key} got meta({given.key!r}), which is no predicate", hint=hint)
    if callable(given):
        said = f"{key} got a function, and asks of metadata by what can be stored and shown"
        raise DefinitionError(said, hint='Write e.g. where(meta("rows") > 0).')
    raise DefinitionError(f"{key} got {given!r}, which is no predicate", hint='Write e.g. where(meta("rows") > 0).')


def _timetable(key: str, given: Any) -> Any:
    if isinstance(given, Condition) and hasattr(given, "previous"):
        return given
    raise DefinitionError(f"{key} got {given!r}, which is no timetable", hint='Write e.g. since(Cron("0 6 * * *")).')
