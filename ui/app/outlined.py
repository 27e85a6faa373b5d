"""The outline of the project, kept for all visitors: definitions are read when the app starts, and again only when
others are declared. Loads no Streamlit, so that it can be read before that answers anybody."""

from __future__ import annotations

from threading import Lock
from time import monotonic

from ...storage.settings import ProjectSettings
from ..read.outline import Outline, outline
from ..read.store import Store, opened

_FRESH = 2.0
"""Seconds for which it stands."""


class _Kept:
    """The outline that was read last; the database that it is of, and until when it stands."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._outline: Outline | None = None
        self._url, self._until = "", 0.0

    def read(self, store: Store) -> Outline:
        """At most two seconds old; of visitors that ask together one reads."""
        with self._lock:
            before = self._outline if self._url == store.shown_url else None
            if before is None or monotonic() >= self._until:
                before = outline(store, before)
                self._outline, self._url, self._until = before, store.shown_url, monotonic() + _FRESH
            return before

    def forget(self) -> None:
        """It does not stand any more."""
        with self._lock:
            self._until = 0.0


_KEPT = _Kept()


def outlined(store: Store) -> Outline:
    """What is declared, and how it stands."""
    return _KEPT.read(store)


def forget() -> None:
    """It is read anew by whoever asks next: somebody has just changed something."""
    _KEPT.forget()


def read_ahead(settings: ProjectSettings) -> None:
    """The outline is kept before anybody asks for it.

    Raises
    ------
    DatabaseFault: it cannot be read.
    """
    with opened(settings) as store:
        outlined(store)
