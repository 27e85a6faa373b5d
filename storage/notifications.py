"""Settings of who is told what: destinations of notifications, as `[notifications.NAME]` gives them.

Pure. An address carries passwords and tokens: it is never shown.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from .types import NotificationKind

USUALLY = tuple(one for one in NotificationKind if one is not NotificationKind.RETRY)
"""What a destination is told where it does not say."""

_PER = {"s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_RATE = re.compile(rf"(?P<count>[1-9]\d{{0,5}})/(?P<per>{'|'.join(_PER)})")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SPAN = re.compile(r"(?P<count>\d{1,5})(?P<unit>[mhd])")


class NotificationDestination(BaseModel):
    """Somebody who is told.

    Attributes
    ----------
    url: where to, as Apprise spells it (`slack://…`, `mailto://…`, `json://…`), or `file://` and a path.
    url_env: the environment variable that holds it, instead.
    on: what is told.
    select: of which assets, in the usual syntax; by default of all.
    at_most: messages in any stretch of a second, minute, hour or day; what is beyond it is put into one.
    repeat: for how long the same failure of the same asset is counted and not told again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr | None = None
    url_env: str | None = None
    on: tuple[NotificationKind, ...] = USUALLY
    select: str | None = None
    at_most: str = Field(default="20/h")
    repeat: str = Field(default="6h")

    @field_validator("at_most")
    @classmethod
    def _rate(cls, value: str) -> str:
        if not _RATE.fullmatch(value):
            raise ValueError('a number per s, min, h or d, e.g. "10/h"')
        return value

    @field_validator("repeat")
    @classmethod
    def _span(cls, value: str) -> str:
        if not _SPAN.fullmatch(value):
            raise ValueError('a number of m, h or d, e.g. "6h"; "0m" tells each time')
        return value

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("either url or url_env, the variable that holds it")
        return self

    @property
    def rate(self) -> tuple[int, timedelta]:
        """How many messages it gets at most, in any stretch of this length.

        >>> NotificationDestination(url="file://told.ndjson", at_most="10/h").rate
        (10, datetime.timedelta(seconds=3600))
        """
        found = _RATE.fullmatch(self.at_most)
        assert found is not None, "it is validated"
        return int(found["count"]), _PER[found["per"]]

    @property
    def quiet(self) -> timedelta:
        """For how long the same is not told again."""
        found = _SPAN.fullmatch(self.repeat)
        assert found is not None, "it is validated"
        return int(found["count"]) * _UNITS[found["unit"]]
