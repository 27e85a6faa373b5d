"""The resources of an attempt: set up in order before its producer is called, torn down in reverse behind it.

Torn down before the run ends, so that nobody begins the next attempt while what the former set up still stands. What
goes wrong then is told as a warning: it neither hides the producer's error nor takes anything back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ....storage.errors import ProducerError, named, stops
from ....storage.masking import mask, masked
from ....storage.meta import leftovers
from ....storage.meta.database.engine import now as moment_of
from ...declare.needs import Use
from ...declare.resource import Leftover, Resource
from ..identity import worker_name
from ..project.project import Project
from .assignment import Assignment
from .context import plain
from .secrets import resolved

_NOTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Up:
    """A resource that is set up; `key` is that of its record, where it has one."""

    resource: Resource
    generator: Iterator[Any]
    key: tuple[str, int, str] | None


@contextmanager
def set_up(project: Project, work: Assignment, told: list[str]) -> Generator[dict[str, Any]]:
    """Parameter → secret or resource, of what the producer needs; at the end of the block the resources are torn down.
    What is to be said of them is added to `told`.

    Raises
    ------
    MissingSecret, EnvironmentFault: a secret is not there, or cannot be looked up; nothing is set up then.
    ProducerError: a resource yields nothing, or leaves over what nobody could clean up.
    Whatever a resource raises while it is set up; KeyboardInterrupt in a teardown, once all are torn down.
    """
    needs = project.definitions.needs[work.asset.name]
    ask = _Asking(project, told)
    arguments: dict[str, Any] = ask.all(needs.secrets, f"asset {work.asset.name}")
    secrets = [ask.all(use.secrets, f"resource {use.resource.name}") for use in needs.uses]
    values: dict[str, Any] = {}
    up: list[_Up] = []
    try:
        for use, known in zip(needs.uses, secrets, strict=True):
            given = known | {parameter: values[name] for parameter, name in use.resources.items()}
            values[use.resource.name] = _begin(project, work, use, given, up)
        yield arguments | {parameter: values[name] for parameter, name in needs.resources.items()}
    finally:
        _tear_down(project, up, told)


@dataclass(frozen=True, slots=True)
class _Asking:
    """Looking secrets up; what is to be said of them is told once."""

    project: Project
    told: list[str]

    def all(self, secrets: Mapping[str, Any], whose: str) -> dict[str, Any]:
        """Parameter → secret with its value."""
        found: dict[str, Any] = {}
        for parameter, one in secrets.items():
            found[parameter], warning = resolved(one, self.project.settings, whose=whose)
            if warning and warning not in self.told:
                self.told.append(warning)
        return found


def _begin(project: Project, work: Assignment, use: Use, given: Mapping[str, Any], up: list[_Up]) -> Any:
    """What a resource yields; it is among those that are `up` from then on."""
    one = use.resource
    generator = one.function(**given)
    value = next(generator, _NOTHING)
    if value is _NOTHING:
        raise ProducerError(
            f"resource {one.name} ({one.location}) ended without a yield: there is nothing to be given",
            hint="Let every way through it yield once, or raise.",
        )
    if not isinstance(value, Leftover):
        up.append(_Up(resource=one, generator=generator, key=None))
        return value
    key = (work.run_id, work.attempt, one.name)
    if one.cleaner is None:
        up.append(_Up(resource=one, generator=generator, key=None))
        raise ProducerError(
            f"resource {one.name} ({one.location}) yields a Leftover, and nothing could clean it up",
            hint=f"Declare it: @{one.name}.cleanup above a function that takes the record.",
        )
    up.append(_Up(resource=one, generator=generator, key=key))
    record = plain(f"resource {one.name}: Leftover.record", value.record)
    if masked(record) != record:
        raise ProducerError(
            f"resource {one.name} ({one.location}): its Leftover.record holds a secret, and records are stored",
            hint="Leave it out: a cleanup that needs the secret asks for it, behind `*`.",
        )
    with project.store.write() as tx:
        leftovers.keep(tx, key, record, worker=worker_name(), now=moment_of(tx))
    return value.given


def _tear_down(project: Project, up: list[_Up], told: list[str]) -> None:
    """Every resource, the last one first, whatever becomes of the others."""
    stopped: BaseException | None = None
    for one in reversed(up):
        why, stop = _end(one)
        stopped = stopped or stop
        if why:
            told.append(mask(f"resource {one.resource.name}: {why}"))
        if one.key is None:
            continue
        try:
            with project.store.write() as tx:
                if why:  # whoever recovers next cleans it up
                    leftovers.take(tx, one.key, old=worker_name(), new="", error=mask(why))
                else:
                    leftovers.forget(tx, one.key)
        except BaseException as error:
            stopped = stopped or (error if stops(error) else None)
            told.append(mask(f"resource {one.resource.name}: its record stays: {named(error)}"))
    if stopped is not None:
        raise stopped


def _end(one: _Up) -> tuple[str, BaseException | None]:
    """Why a teardown did not work, "" where it did; and what stopped it, where somebody did."""
    try:
        next(one.generator)
    except StopIteration:
        return "", None
    except BaseException as error:
        return f"its teardown raised {named(error)}", error if stops(error) else None
    close: Callable[[], object] | None = getattr(one.generator, "close", None)
    try:
        if close is not None:
            close()
    except BaseException as error:
        return f"it yielded twice, and raised {named(error)}", error if stops(error) else None
    return "it yielded twice: what comes behind its second yield was not run", None
