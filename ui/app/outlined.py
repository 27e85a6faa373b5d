"""The outline of the project, kept for all visitors: definitions are read when the app starts, and again only when
others are declared; how things stand is read by a thread of its own as long as somebody looks, so that nobody waits for
it. Loads no Streamlit, so that it can be read before that answers anybody."""

from __future__ import annotations

from threading import Lock, Thread
from time import monotonic, sleep

from ...storage.errors import PenstockError
from ...storage.settings import ProjectSettings
from ..read.outline import Outline, outline
from ..read.store import Store, opened

_FRESH = 2.0
"""Seconds for which it stands."""
_AHEAD = 0.5
"""Seconds before that at which it is read anew."""
_LOOKED = 15.0
"""Seconds for which it is kept fresh after somebody looked: a page that is open looks every few."""


class _Kept:
    """The outline that was read last, of which store, and until when it stands; and who keeps it fresh."""

    def __init__(self) -> None:
        self._lock, self._reading = Lock(), Lock()
        self._outline: Outline | None = None
        self._url, self._until, self._looked = "", 0.0, 0.0
        self._changes = 0
        self._keeper: Store | None = None

    def read(self, store: Store) -> Outline:
        """At most two seconds old; of visitors that ask together one reads."""
        with self._reading:
            with self._lock:
                before = self._outline if self._url == store.shown_url else None
                if before is not None and monotonic() < self._until:
                    return before
            return self._read(store, before)

    def keep(self, store: Store) -> None:
        """It is read anew in time, as long as somebody calls this."""
        with self._lock:
            self._looked = monotonic()
            if self._keeper is store:
                return
            self._keeper = store
        Thread(target=self._keep, args=(store,), daemon=True, name="outline").start()

    def forget(self) -> None:
        """It does not stand any more."""
        with self._lock:
            self._until = 0.0
            self._changes += 1

    def _read(self, store: Store, before: Outline | None) -> Outline:
        begun, changes = monotonic(), self._changes
        found = outline(store, before)
        with self._lock:
            if changes == self._changes:
                self._until = begun + _FRESH
            self._outline, self._url = found, store.shown_url
        return found

    def _keep(self, store: Store) -> None:
        try:
            while True:
                sleep(max(0.1, self._until - _AHEAD - monotonic()))
                with self._lock:
                    if self._keeper is not store or store.is_closed or monotonic() >= self._looked + _LOOKED:
                        return
                    before = self._outline if self._url == store.shown_url else None
                self._read(store, before)
        except PenstockError:
            pass  # whoever looks next reads it, and is told
        finally:
            with self._lock:
                self._keeper = None if self._keeper is store else self._keeper


_KEPT = _Kept()


def outlined(store: Store) -> Outline:
    """What is declared, and how it stands."""
    found = _KEPT.read(store)
    _KEPT.keep(store)
    return found


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
        _KEPT.read(store)
