"""Messages to whatever Apprise knows: mail, Slack, webhooks and a hundred others, by URL.

Apprise says whether a message was taken, and why not in words for a log. Those words are kept as the error, without
whatever stands in the address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from ....lineage.transports import Outcome, Receipt, judged
from ....storage.errors import MissingExtra, SettingsFault
from ....storage.types import NotificationKind as Kind
from .outgoing import Outgoing

_TYPES: Mapping[Kind, str] = {
    Kind.FAILED: "failure",
    Kind.PAUSED: "failure",
    Kind.CHECK_FAILED: "failure",
    Kind.LATE: "warning",
    Kind.RETRY: "warning",
    Kind.RECOVERED: "success",
}
"""How Apprise calls it, for colours and signs."""
_STATUS = re.compile(r"\berror=(\d{3})\b")
_SHORTEST = 3  # characters of a part of the address that is taken out of an error


class AppriseNotifier:
    """One address of Apprise.

    Parameters
    ----------
    url: as Apprise spells it.
    timeout: seconds for a try.

    Raises
    ------
    MissingExtra: Apprise is not installed.
    SettingsFault: it does not know such an address.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        self._secrets = _parts(url)
        self._timeout = timeout
        self._service = _service(url, timeout)

    def send(self, message: Outgoing) -> Receipt:
        """Refused where the destination answered that it never takes such a message; otherwise what is not taken is
        postponed."""
        result = self._service.notify(
            title=message.subject,
            body=message.body,
            notify_type=_TYPES[message.kind],
            body_format="text",
            timeout=self._timeout,
        )
        if result:
            return Receipt(outcome=Outcome.DELIVERED)
        said = [" ".join(entry.message.split()) for one in result for entry in one.logs()]
        error = self._masked("; ".join(dict.fromkeys(said)))[:500] or f"no answer within {self._timeout:g} s"
        status = _STATUS.search(error)
        outcome = Outcome.POSTPONED
        if status is not None:
            outcome = judged(int(status[1]), retry_after=None, answer="", url="", now=datetime.now(UTC)).outcome
        return Receipt(outcome=Outcome.POSTPONED if outcome is Outcome.DELIVERED else outcome, error=error)

    def close(self) -> None:
        """Nothing is open between messages."""

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = re.sub(re.escape(secret), "…", text, flags=re.IGNORECASE)
        return text


def _service(url: str, timeout: float) -> Any:
    """Apprise with this one address. It keeps nothing on the disk, and reads no templates."""
    try:
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415  0.3 s and 20 MB, where something is to be sent
    except ImportError as error:
        raise MissingExtra(
            f"telling people needs a library that is not installed: {error}", hint="pip install 'penstock[notify]'"
        ) from error
    asset = AppriseAsset(
        app_id="penstock",
        app_desc="penstock",
        app_url="",
        async_mode=False,
        storage_mode="memory",
        allow_templates=False,
        service_timeout=timeout,
    )
    service: Any = Apprise(asset=asset)
    if not service.add(url):
        raise SettingsFault(
            f"Apprise takes no such address: {url.partition('://')[0][:20]}://…",
            hint="Its documentation has the spelling of each service: mailto://, slack://, json://, …",
        )
    return service


def _parts(url: str) -> list[str]:
    """What stands in an address behind its scheme, the longest first: any of it may be a secret."""
    found = {part for part in re.split(r"[/:@?&=#,;]+", url.partition("://")[2]) if len(part) >= _SHORTEST}
    return sorted(found | {unquote(part) for part in found}, key=len, reverse=True)
