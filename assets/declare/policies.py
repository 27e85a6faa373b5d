"""Policies of an asset, as data: how it is tried again, limited, published, grouped. What they lead to is decided
elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Never

from ...storage.errors import DefinitionError
from ...storage.types import Consume, OnDeadline, OnError, OnRegister, OnResume, Publish
from ...storage.uri import matches
from . import keywords
from .conditions.leaves import DatasetLeaf, News
from .conditions.tree import Unusable
from .faults import report
from .keywords import told
from .limits import READ, RateLimit, Slots
from .retrying import RetryPolicy, Timeouts, as_retries, as_timeouts
from .ticks.timetables import Every, Timetable


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """One run for each event of one dataset, or of the datasets of a pattern, in order, pinned to that event's version;
    made by `each`.

    Attributes
    ----------
    uri: identity of the dataset; of a `match`, the pattern.
    """

    uri: str
    on_error: OnError = OnError.STOP
    match: bool = False

    def is_about(self, uri: str) -> bool:
        """Whether each event of this dataset has a run of its own.

        >>> Each(uri="raw/*/docs.json", match=True).is_about("raw/de/docs.json")
        True
        """
        return matches(self.uri, uri) if self.match else self.uri == uri


def each(dataset: News, *, on_error: OnError | str = OnError.STOP) -> Each:
    """`consume=each(docs)`: a run for each event of `docs`, in order, with the version that it published.

    Of a pattern, `each(Dataset.match("raw/*/docs.json"))`, for each event of any dataset that matches, in the order in
    which they were told. Other datasets of the condition only complete it: they start nothing and are not taken.
    `on_error`: when a run fails for good, `"stop"` pauses the asset until it is resumed, `"skip"` goes on with the next
    event.

    >>> from penstock import Dataset
    >>> each(Dataset("docs.json"), on_error="skip")
    Each(uri='docs.json', on_error=<OnError.SKIP: 'skip'>, match=False)
    """
    read = told(keywords.word(OnError), "on_error", on_error, instead=OnError.STOP, about="each: ")
    leaf = dataset.as_condition() if isinstance(dataset, News) else dataset  # pyright: ignore[reportUnnecessaryIsInstance]
    if isinstance(leaf, Unusable):
        return Each(uri="", on_error=read)  # that it is no dataset is told already
    if not isinstance(leaf, DatasetLeaf) or leaf.narrowing:
        shown = getattr(leaf, "label", repr(dataset))
        hint = "Write e.g. consume=each(docs); what counts is said in on=."
        report(DefinitionError(f"each() needs one dataset or pattern as it is, got {shown}", hint=hint))
        return Each(uri="", on_error=read)
    return Each(uri=leaf.uri, on_error=read, match=leaf.match)


@dataclass(frozen=True, slots=True, init=False)
class Deadline:
    """By when the condition has to have held, and what follows if it has not.

    Parameters
    ----------
    timetable: its ticks are the deadlines; what is made, skipped or confirmed between two of them meets
        the later one.
    then: `"alert"`: it is told; `"run"`: a run with what is there; `"skip"`: what is pending is given up.
    """

    timetable: Timetable
    then: OnDeadline

    def __init__(self, timetable: Timetable, *, then: OnDeadline | str = OnDeadline.ALERT, **unknown: Never) -> None:
        for key in unknown:
            report(keywords.unknown_keyword(key, ("then",), of="Deadline"))
        at = told(_timetable, "Deadline", timetable, instead=Every("1d"))
        object.__setattr__(self, "timetable", at)
        read = told(keywords.word(OnDeadline), "then", then, instead=OnDeadline.ALERT, about="Deadline: ")
        object.__setattr__(self, "then", read)

    @property
    def label(self) -> str:
        """`deadline cron 0 6 * * * UTC`: a name of its own for its ticks."""
        return f"deadline {self.timetable.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """How an asset is made, as data; every field can stand in `defaults(…)`.

    Attributes
    ----------
    retries: how often a failed run is tried again; None: as settings say of its group, or of the project, else never.
    timeout: how long it may take; None: as settings say.
    max_active_runs: how many runs of the asset may be active at once; where it has partitions, of each of them.
    consume: which pending events one run takes: `"batch"`, `"branch"`, `"latest"`, `each(docs)`.
    pause_after: after so many failures in a row the asset pauses itself.
    on_resume: what becomes of the events that came during a pause: `"batch"`, `"drop"`.
    on_register: what data that are there already mean to a new asset: `"wait"`, `"build"`.
    deadline: by when a run has to be made.
    publish: `"copy"`: the URI is made equal to the head; `"none"`: only the immutable version exists.
    pure: whether a tick, too, may be skipped when nothing changed.
    group, tags, owners: for selecting and showing; groups share what there is of workers fairly.
    pool: of which pool a run takes slots: a name, or `Slots("gpu", 2)`.
    priority: whose runs start first where not all can: the higher.
    limits: how fast its runs may start, together with those of the other assets that name the same `RateLimit`.
    notify: the destinations of notifications that are told of it, by the names that settings give them; none with
        `False`, given as (); None: those whose `select` has it.
    """

    retries: RetryPolicy | None = None
    timeout: Timeouts | None = None
    max_active_runs: int = 1
    consume: Consume | Each = Consume.BATCH
    pause_after: int | None = None
    on_resume: OnResume = OnResume.BATCH
    on_register: OnRegister = OnRegister.WAIT
    deadline: Deadline | None = None
    publish: Publish = Publish.COPY
    pure: bool = False
    group: str | None = None
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    pool: Slots | None = None
    priority: int = 0
    limits: tuple[RateLimit, ...] = ()
    notify: tuple[str, ...] | None = None


POLICIES = tuple(Policies.__dataclass_fields__)
"""The keywords of `@asset` and `defaults` that are policies."""


def policies_of(given: Mapping[str, Any]) -> tuple[Policies, list[DefinitionError]]:
    """The policies that were written, and what was wrong with them; a wrong one has its default.

    >>> policies_of({"tags": "nightly"})[0].tags
    ('nightly',)
    """
    values: dict[str, Any] = {}
    wrong: list[DefinitionError] = []
    for key, value in given.items():
        try:
            values[key] = _CONVERT[key](key, value)
        except DefinitionError as error:
            wrong.append(error)
    return Policies(**values), wrong


_WAITING = ("consume", "pause_after", "on_resume", "on_register", "deadline")


def without_effect(given: Mapping[str, Any], policies: Policies, *, conditional: bool) -> Iterator[DefinitionError]:
    """Policies that were written at an asset itself and can do nothing there.

    What comes from `defaults(…)` is never told: it is said for many assets, and may fit only some of them.
    """
    for key in _WAITING if not conditional else ():
        if given.get(key) is not None:
            yield DefinitionError(
                f"{key}= is about what an asset waits for, and without on= it waits for nothing",
                hint=f"Say when it is to be made with on=, or leave {key}= out.",
            )
    stops = isinstance(policies.consume, Each) and policies.consume.on_error is OnError.STOP
    if {"consume", "pause_after"} <= given.keys() and stops and policies.pause_after is not None:
        yield DefinitionError(
            "consume=each(…) pauses the asset at its first failure: pause_after= never counts",
            hint='Leave pause_after= out, or write each(docs, on_error="skip").',
        )


def _timetable(key: str, given: Any) -> Timetable:
    if isinstance(given, Timetable):
        return given
    raise DefinitionError(f"{key} got {given!r}, which is no timetable", hint=f'Write e.g. {key}(Cron("0 6 * * *")).')


def _consume(key: str, value: Any) -> Consume | Each:
    if isinstance(value, Each):
        return value
    if value == Consume.EACH:
        raise DefinitionError(f"{key}={value!r} does not say of which dataset", hint="Write consume=each(docs).")
    return keywords.word(Consume)(key, value)


def _deadline(key: str, value: Any) -> Deadline | None:
    if value is None or isinstance(value, Deadline):
        return value
    raise DefinitionError(f"{key}={value!r} is no deadline", hint='Write e.g. deadline=Deadline(Cron("0 6 * * *")).')


def _notify(key: str, value: Any) -> tuple[str, ...] | None:
    if value is None or value is False:
        return () if value is False else None
    try:
        return keywords.texts(key, value)
    except DefinitionError as error:
        hint = f'Write {key}=["team"], the names of [notifications.team] in the settings, or {key}=False.'
        raise DefinitionError(f"{key}={value!r} names no destinations", hint=hint) from error


_CONVERT: Mapping[str, Callable[[str, Any], Any]] = {
    "retries": as_retries,
    "timeout": as_timeouts,
    "max_active_runs": keywords.count,
    "consume": _consume,
    "pause_after": lambda key, value: None if value is None else keywords.count(key, value),
    "on_resume": keywords.word(OnResume),
    "on_register": keywords.word(OnRegister),
    "deadline": _deadline,
    "publish": keywords.word(Publish),
    "pure": keywords.flag,
    "group": keywords.text_or_none,
    "tags": keywords.texts,
    "owners": keywords.texts,
    **READ,
    "notify": _notify,
}
