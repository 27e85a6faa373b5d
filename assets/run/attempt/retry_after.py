"""When a server that refused wants to be called again: `Retry-After` (RFC 9110, 10.2.3) of the answer that an error of
an HTTP library carries. No such library is imported: requests, httpx and those built on them keep it under
`error.response.headers`, urllib under `error.headers`. Must never raise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from ....storage.errors import stops

_SECONDS = re.compile(r"\d+(\.\d+)?")
_LONGEST = 366 * 86400.0  # seconds; who asks for more is not waited for either
_DEEP = 20


def asked_to_wait(error: BaseException) -> float | str | None:
    """Seconds from now, or an instant in ISO 8601 and UTC; None where nothing is asked, or nothing that can be read.

    Errors that this one was raised from are asked too: `raise Unavailable from error` hides nothing.
    """
    for one in _causes(error):
        try:
            said = _header(one)
        except BaseException as fault:  # it is code of others that is asked
            if stops(fault):
                raise
            continue
        if said is not None:
            return _read(said)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_DEEP):
        if error is None:
            return
        yield error
        error = error.__cause__


def _header(error: BaseException) -> str | None:
    for holder in (getattr(error, "response", None), error):
        headers: Any = getattr(holder, "headers", None)
        for name in ("Retry-After", "retry-after"):  # a plain dictionary tells cases apart
            said = headers.get(name) if hasattr(headers, "get") else None
            if isinstance(said, str):
                return said.strip()
    return None


def _read(said: str) -> float | str | None:
    if _SECONDS.fullmatch(said):
        return min(float(said), _LONGEST)
    try:
        instant = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
