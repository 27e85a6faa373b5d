"""The seam of notifiers: what takes a message to people, and which one serves an address.

An address is a URL; its scheme says which notifier takes it: `file` is ours, those of the entry point group
`penstock.notifiers` come next, and Apprise takes the others. A notifier tries once; whoever calls it decides what comes
next. Must never show an address: all of it may be a secret.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, cast

from ....lineage.transports import Receipt
from ....storage.errors import SettingsFault
from .by_apprise import AppriseNotifier
from .outgoing import Outgoing
from .to_file import FileNotifier

GROUP = "penstock.notifiers"
TIMEOUT = 20.0
"""Seconds within which a notifier answers, whatever the answer."""


class Notifier(Protocol):
    """One destination, opened. Used by one thread at a time."""

    def send(self, message: Outgoing) -> Receipt:
        """What became of the message, tried once, within `TIMEOUT` seconds. Raises nothing because of a destination."""
        ...

    def close(self) -> None:
        """What is open is closed; `send` opens it again."""
        ...


def open_notifier(url: str, folder: Path) -> Notifier:
    """The notifier of an address; nothing is connected yet. `folder` is where relative paths begin.

    Raises
    ------
    MissingExtra: the library for it is not installed.
    SettingsFault: the address is none, or no notifier takes it.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme:
        raise SettingsFault("its address is no URL", hint="Write e.g. slack://…, mailto://… or file://told.ndjson.")
    if scheme.lower() == "file":
        return FileNotifier(folder / rest)
    point = _plugged_in().get(scheme.lower())
    if point is None:
        return AppriseNotifier(url, timeout=TIMEOUT)
    try:
        return cast("Notifier", point.load()(url))
    except Exception as error:
        raise SettingsFault(
            f"the notifier plug-in {point.name!r} ({point.value}) cannot be used: {type(error).__name__}",
            hint="Mend or uninstall the package that provides it.",
        ) from error


@cache
def _plugged_in() -> dict[str, EntryPoint]:
    """Scheme → what makes a notifier of a URL with it."""
    return {point.name.lower(): point for point in entry_points(group=GROUP)}
