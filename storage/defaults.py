"""Defaults of policies, as settings give them: for the whole project, and for the assets of a group.

Their form alone: what they mean is said in `assets/declare`. Pure.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_PART = r"\d{1,8}(?:\.\d{1,6})?(?:ms|s|m|h|d|w)"
_DURATION = re.compile(rf"(?:{_PART}){{1,6}}")
_CLASS = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def _duration(value: str) -> str:
    if _DURATION.fullmatch(value) and re.search(r"[1-9]", value):
        return value
    raise ValueError('a length of time such as "30s", "15m", "12h" or "1h30m"')


def _error(value: str) -> str:
    if _CLASS.fullmatch(value):
        return value
    raise ValueError('the name of a class of errors, such as "TimeoutError" or "requests.ConnectionError"')


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _retries(value: Any) -> Any:
    """A number of retries is short for a table."""
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return {"max_attempts": value + 1} if number else value


def _timeout(value: Any) -> Any:
    """A length of time is that of one try."""
    return {"run": value} if isinstance(value, str) else value


Duration = Annotated[str, AfterValidator(_duration)]
Errors = Annotated[list[Annotated[str, AfterValidator(_error)]], BeforeValidator(_several)]


class RetrySettings(BaseModel):
    """The keywords of `RetryPolicy`; what is not said is as there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_attempts: int = Field(default=3, ge=1)
    delay: Duration = "1s"
    backoff: float = Field(default=2.0, ge=1, allow_inf_nan=False)
    max_delay: Duration = "10m"
    jitter: float = Field(default=0.0, ge=0, le=1)
    on: Errors = Field(default_factory=list[str])
    never_on: Errors = Field(default_factory=list[str])
    max_lost: int = Field(default=3, ge=1)


class TimeoutSettings(BaseModel):
    """The keywords of `Timeouts`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: Duration | None = None
    run: Duration | None = None
    total: Duration | None = None


class PolicySettings(BaseModel):
    """The policies that settings can give; None: nothing is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    retries: Annotated[RetrySettings | None, BeforeValidator(_retries)] = None
    timeout: Annotated[TimeoutSettings | None, BeforeValidator(_timeout)] = None


class ProjectPolicies(PolicySettings):
    """Those of the project, and of each group whose assets have others."""

    groups: dict[str, PolicySettings] = Field(default_factory=dict)


def keys_at(place: list[str]) -> list[str]:
    """What may be said in the table in which a key stands that is none.

    >>> keys_at(["policies", "groups", "kb", "retry"])
    ['retries', 'timeout']
    """
    of_group = place[1] == "groups"
    path = place[3:-1] if of_group else place[1:-1]
    own = PolicySettings if of_group else ProjectPolicies
    return list((_TABLES[path[0]] if path else own).model_fields)


_TABLES: dict[str, type[BaseModel]] = {"retries": RetrySettings, "timeout": TimeoutSettings}
