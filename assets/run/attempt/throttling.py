"""Waiting for a token of a rate limit inside a producer: for calls, as `limits=` is for runs.

Each token is taken in a write transaction of its own; nobody sleeps in one.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from time import sleep

from ....storage.errors import ProducerError
from ....storage.masking import MASK, mask
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.limits import take
from ....storage.rates import AHEAD
from ...declare.limiting import rate_limits
from ...declare.limits import RateLimit
from ..project.project import Project


def throttle(project: Project, limit: str | RateLimit) -> None:
    """Returns when a token of the limit has come, and is taken: at no faster rate in all processes of the project
    together, runs that take tokens of it when they start included.

    A token is taken up to two seconds before it comes, and then waited for: whoever is stopped meanwhile has used it
    up. Ctrl-C and SIGTERM end the wait.

    Parameters
    ----------
    limit: the name of one that an asset names in `limits=`, or a `RateLimit`. One whose name has a secret in it is kept
        under a digest of it.

    Raises
    ------
    ProducerError: no asset names it, or with another rate.
    """
    wanted = _known(project, limit)
    name = _kept_as(project, wanted.name)
    while True:
        with project.store.write() as tx:
            moment = moment_of(tx)
            token = take(tx, project.name, name, wanted.rate, now=moment, ahead=AHEAD)
        # By how much the token lies ahead is a length of time: clocks of machines need not agree.
        _pause(token.at - moment if token.taken else token.at - moment - AHEAD)
        if token.taken:
            return


def _pause(length: timedelta) -> None:
    if length > timedelta(0):
        sleep(length.total_seconds())


def _kept_as(project: Project, name: str) -> str:
    """What a limit is called in the store: by its name, unless a secret is in it (one limit for each key of an
    account); then the same for the same secret, in all processes. What definitions name is no secret."""
    if mask(name) == name or name in rate_limits(project.catalogue):
        return name
    return f"{MASK} {sha256(name.encode()).hexdigest()[:16]}"


def _known(project: Project, limit: str | RateLimit) -> RateLimit:
    declared = rate_limits(project.catalogue)
    name = limit if isinstance(limit, str) else limit.name
    found = declared.get(name)
    if isinstance(limit, str):
        if found is not None:
            return found
        known = ", ".join(sorted(declared)) or "none"
        raise ProducerError(
            f"ctx.throttle({name!r}): no asset names such a rate limit; there are: {known}",
            hint=f'Give the rate with it: ctx.throttle(RateLimit("{name}", "60/min")).',
        )
    if found is not None and found != limit:
        raise ProducerError(
            f"ctx.throttle: rate limit {name!r} is {limit.label} here, and {found.label} in the definitions",
            hint="Write it once, and give that: OPENAI = RateLimit(…); ctx.throttle(OPENAI).",
        )
    return limit
