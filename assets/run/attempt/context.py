"""What a producer may ask of the run it is called in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from ....storage.errors import ProducerError
from ....storage.files.json_types import article
from ...declare.limits import RateLimit


class Context:
    """Given to a parameter annotated `penstock.Context`.

    Attributes
    ----------
    asset: name of the asset. run_id: id of the run, a UUID. attempt: the try, from 1.
    parameters: the run's parameters, by name.
    log: a logger named after the asset.
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
    ) -> None:
        self.asset = asset
        self.run_id = run_id
        self.attempt = attempt
        self.parameters = parameters
        self.log = logging.getLogger(f"penstock.asset.{asset}")
        self.said: dict[str, Any] = {}
        self._output = output
        self._throttle = throttle

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
