"""What a producer may ask of the run it is called in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, cast

from ....storage.errors import ProducerError
from ....storage.files.json_types import article
from ...declare.limits import RateLimit
from ...execute.records import OWN
from .reporting import Reporting


class RunLog(logging.LoggerAdapter[logging.Logger]):
    """A logger named after an asset; each record knows `run`, `asset` and `partition`, beside what the call gives."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """What `logging` asks before each record."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


class Context:
    """Given to a parameter annotated `penstock.Context`.

    Attributes
    ----------
    asset: name of the asset. run_id: id of the run, a UUID. attempt: the try, from 1.
    parameters: the run's parameters, by name.
    log: a logger named after the asset, from `info` on unless the program has set it up: `penstock logs` shows what it
        is given. Its records have `run`, `asset` and `partition`.
    """

    def __init__(
        self,
        *,
        asset: str,
        run_id: str,
        attempt: int,
        parameters: dict[str, Any],
        output: Callable[[], Path],
        throttle: Callable[[str | RateLimit], None],
        reporting: Reporting,
        partition: str = "",
    ) -> None:
        self.asset = asset
        self.run_id = run_id
        self.attempt = attempt
        self.parameters = parameters
        self.log = RunLog(_logger(asset), {"run": run_id, "asset": asset, "partition": partition})
        self.said: dict[str, Any] = {}
        self._output = output
        self._throttle = throttle
        self._reporting = reporting

    @property
    def output(self) -> Path:
        """Where a producer that returns a `Path` may write: a directory that exists, or a file path in one.

        What is written there is taken over without a copy. An attempt that fails leaves nothing of it.
        """
        return self._output()

    def throttle(self, limit: str | RateLimit) -> None:
        """Wait for a token of a rate limit, before each call of what is limited: `ctx.throttle("openai")`.

        All processes of the project together take tokens no faster than the limit says, and share them with the runs
        of assets that name it in `limits=`. It waits in this thread; in a coroutine write
        `await asyncio.to_thread(ctx.throttle, "openai")`.

        Parameters
        ----------
        limit: the name of one that an asset names in `limits=`, or a `RateLimit`.

        Raises
        ------
        ProducerError: no asset names it, or with another rate.
        """
        self._throttle(limit)

    def metadata(self, **values: Any) -> None:
        """Keep plain values with what this run publishes: `ctx.metadata(accuracy=0.93)`.

        Raises
        ------
        ProducerError: a value is not plain JSON.
        """
        self.said.update(plain("ctx.metadata", values))

    def progress(self, done: float, total: float | None = None, unit: str = "", text: str = "") -> None:
        """Say how far this run is: `ctx.progress(3, total=10, unit="pages", text="fetching")` is shown while it runs,
        by `penstock materialize` and `penstock status`, as `3 of 10 pages (30 %), fetching`. Calling it often costs
        little: it is kept twice a second at most, and forgotten when the run has ended.

        Raises
        ------
        ProducerError: a number is none.
        """
        self._reporting.say(done, total, unit, text)


def _logger(asset: str) -> logging.Logger:
    """The logger of an asset. What is said with `ctx.log.info` is meant to be kept, although Python's root logger
    begins at warnings."""
    own = logging.getLogger(OWN)
    if own.level == logging.NOTSET and logging.getLogger().level > logging.INFO:
        own.setLevel(logging.INFO)
    return logging.getLogger(f"{OWN}.{asset}")


def plain(said_by: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as JSON data.

    Raises
    ------
    ProducerError: one is not plain JSON; `said_by` is how the message calls where it was said.
    """
    found: dict[str, Any] = {}
    odd = _no_names(values)
    if odd:
        raise ProducerError(
            f"{said_by} got {odd}, where names of values were expected",
            hint='Give a dictionary whose keys are texts, as in {"rows": 3}.',
        )
    for name, value in values.items():
        try:
            found[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ProducerError(
                f"{said_by}({name}=…) got a {type(value).__name__}, which is not plain JSON: {error}",
                hint="Give numbers, texts, booleans, lists or dictionaries of them.",
            ) from error
    return found


def _no_names(values: object) -> str:
    """What somebody gave who gave no mapping of names, in words; "" where it is one."""
    if not isinstance(values, Mapping):
        return article(type(values).__name__)
    for key in cast("Mapping[object, object]", values):
        if not isinstance(key, str):
            return f"a key that is {article(type(key).__name__)}"
    return ""
