"""How the keys of one dimension mean those of another: the rule of each mapping, forwards and back.

`forwards` is from an upstream key to the consumer keys that it concerns, `back` from a consumer key to the upstream
keys that it reads. A window that is not over yet is concerned, and is read once it is there: only `all` and `last` ask
what is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from .....storage.errors import UsageError
from ...ticks.counting import count
from ..named import Dynamic, Named
from ..partition import Dimension, Keys, Known
from ..spans import Listed
from ..windows import Windows
from .mappings import All, Computed, Function, Last, Offset, RollUp, Table

_LEAST = datetime.resolution
_FOUR_YEARS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2004, 1, 1, tzinfo=UTC))
"""Long enough to tell how many windows two timetables have in the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A key means itself: what is inferred where both sides are divided alike."""

    @property
    def label(self) -> str:
        """`the same key`."""
        return "the same key"


Rule = Identity | RollUp | Offset | Last | All | Table | Computed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A dimension of the upstream dataset and one of its consumer, and what a key of the one is in the other.

    Attributes
    ----------
    upstream, consumer: None: the other side lacks it.
    functions: reference → function, for rules that are computed.
    """

    upstream: Dimension | None
    consumer: Dimension | None
    rule: Rule
    functions: Mapping[str, Function] = field(default_factory=dict[str, Function], compare=False, repr=False)

    def forwards(self, part: str, known: Known) -> Keys:
        """The keys of the consumer's dimension that a part of an upstream key concerns."""
        consumer, upstream = self.consumer, self.upstream
        assert consumer is not None
        match self.rule:
            case Identity():
                return _defined(consumer, [part], known)
            case RollUp():
                window = cast("Windows", upstream).partition(part)
                assert window.start is not None and window.end is not None  # noqa: PT018
                return _overlapping(consumer, window.start, window.end)
            case Offset(by=by):
                return _moved(consumer, part, -by, known)
            case Last() if isinstance(upstream, Windows) and isinstance(consumer, Windows):
                return _ending_from(upstream, consumer, part)
            case Table(rows=rows):
                return _defined(consumer, dict(rows).get(part, ()), known)
            case Computed():
                return _defined(consumer, self._call(part), known)
            case _:
                return consumer.select(None, None, known)

    def back(self, part: str | None, known: Known) -> Keys:
        """The keys of the upstream dimension that a part of a consumer's key reads; None: the consumer lacks it."""
        consumer, upstream = self.consumer, self.upstream
        assert upstream is not None
        if part is None or consumer is None:
            return self._newest(upstream, known) if isinstance(self.rule, Last) else upstream.select(None, None, known)
        match self.rule:
            case Identity():
                return _defined(upstream, [part], known)
            case RollUp():
                window = cast("Windows", consumer).partition(part)
                assert window.start is not None and window.end is not None  # noqa: PT018
                return _overlapping(upstream, window.start, window.end)
            case Offset(by=by):
                return _moved(upstream, part, by, known)
            case Last() if isinstance(upstream, Windows) and isinstance(consumer, Windows):
                end = consumer.partition(part).end
                newest = None if end is None else upstream.closed(end)
                return upstream.spans([]) if newest is None else upstream.single(newest)
            case Last():
                return self._newest(upstream, known)
            case Table(rows=rows):
                return _defined(upstream, [key for key, keys in rows if part in keys], known)
            case Computed():
                keys = upstream.select(None, None, known).walk()
                return _defined(upstream, (key for key in keys if part in self._call(key)), known)
            case _:
                return upstream.select(None, None, known)

    def strays(self, part: str, known: Known) -> tuple[str, ...]:
        """The keys that a function of the project gives for a part of an upstream key, and that the consumer's
        dimension does not have. What it raises is raised."""
        if self.consumer is None or not isinstance(self.rule, Computed):
            return ()
        free = Known(keys=known.keys)
        return tuple(key for key in self._call(part) if not _has(self.consumer, key, free))

    def concerns(self, part: str, known: Known) -> bool:
        """Whether news of an upstream key concerns anybody at all: of `last` only that of the newest does."""
        upstream = self.upstream
        within = isinstance(upstream, Windows) and isinstance(self.consumer, Windows)
        if not isinstance(self.rule, Last) or within or upstream is None:
            return True
        return self._newest(upstream, known).index(part) is not None

    def _newest(self, upstream: Dimension, known: Known) -> Keys:
        if isinstance(upstream, Windows):
            until = known.until or upstream.until
            newest = None if until is None else upstream.closed(until)
            return upstream.spans([]) if newest is None else upstream.single(newest)
        keys = upstream.select(None, None, known)
        return Listed(keys=(keys.at(keys.count - 1),) if keys.count else ())

    def _call(self, part: str) -> tuple[str, ...]:
        """What the function of the project says, as keys; what it raises is the caller's to keep."""
        rule = cast("Computed", self.rule)
        function = rule.call or self.functions.get(rule.reference)
        if function is None:
            raise UsageError(
                f"the mapping {rule.reference} is not there", hint="Import the definitions that it belongs to."
            )
        found: object = function(part)
        keys = (found,) if isinstance(found, str) else tuple(cast("Iterable[object]", found))
        wrong = next((key for key in keys if not isinstance(key, str)), None)
        if wrong is not None:
            raise UsageError(f"the mapping {rule.reference} gives {wrong!r} for {part!r}, which is no key")
        return tuple(dict.fromkeys(map(str, keys)))


def inferred(upstream: Dimension, consumer: Dimension) -> Rule | None:
    """What two dimensions mean to each other where nobody says it; None where that is not clear."""
    if isinstance(upstream, Windows) and isinstance(consumer, Windows):
        if upstream.alike(consumer):
            return Identity()
        return RollUp() if is_finer(upstream, consumer) else None
    if isinstance(upstream, Named) and isinstance(consumer, Named) and upstream.alike(consumer):
        known = Known()
        dynamic = isinstance(upstream, Dynamic) or isinstance(consumer, Dynamic)
        return Identity() if dynamic or {*consumer.known_keys(known)} <= {*upstream.known_keys(known)} else None
    return None


def is_finer(upstream: Windows, consumer: Windows, *, equally: bool = False) -> bool:
    """Whether a dimension has more windows in the same time than the other; or as many, where that is enough."""
    one, two = (count(windows.timetable, *_FOUR_YEARS) for windows in (upstream, consumer))
    return one > two or (equally and one == two)


def _defined(dimension: Dimension, keys: Iterable[str], known: Known) -> Keys:
    """Those of the keys that the definition has; of a dynamic dimension any that can be one."""
    free = Known(keys=known.keys)
    kept = [key for key in keys if _has(dimension, key, free)]
    if isinstance(dimension, Windows):
        bounds = [(one.start, one.end) for one in map(dimension.partition, kept)]
        return dimension.spans(sorted((start, end) for start, end in bounds if start is not None and end is not None))
    return Listed(keys=tuple(dict.fromkeys(kept)))


def _has(dimension: Dimension, key: str, free: Known) -> bool:
    fault = dimension.fault(key, free)
    return fault is None or (isinstance(dimension, Dynamic) and fault.kind == "outside")


def _overlapping(dimension: Dimension, begin: datetime, end: datetime) -> Keys:
    windows = cast("Windows", dimension)
    return windows.spans([windows.overlapping(begin, end)])


def _moved(dimension: Dimension, part: str, by: int, known: Known) -> Keys:
    moved = cast("Windows", dimension).moved(part, by)
    return _defined(dimension, [] if moved is None else [moved], known)


def _ending_from(upstream: Windows, consumer: Windows, part: str) -> Keys:
    """The windows of a consumer at whose end this upstream window is the last that is over."""
    end = upstream.partition(part).end
    assert end is not None
    later = upstream.end_of(end)
    newest = upstream.until is not None and end >= upstream.until  # after the last one it stays the last
    first = consumer.timetable.next(end - _LEAST)
    last = consumer.limit(Known(), None) if newest else consumer.timetable.previous(later - _LEAST)
    begin = None if first is None else consumer.timetable.previous(first - _LEAST)
    if begin is None or last is None or upstream.fault(part) is not None:
        return consumer.spans([])
    return consumer.spans([(max(begin, consumer.first), consumer.limit(Known(), last))])
