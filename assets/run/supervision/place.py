"""Whether the metadata store still lies where its parts opened it: of a file that was deleted or replaced they would
notice nothing, and go on in one that nobody else can see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_GONE = (
    "the metadata store {} is not there any more: what is made from now on is seen by nobody else. Put the file back, "
    "or stop this and start it again"
)
_BACK = "the metadata store is where it was"
_ANOTHER = (
    "another file lies where the metadata store {} lay, which what is at work has no part in: all of it stops at once. "
    "Started again, it begins with what that file knows"
)


class Place:
    """Where the file of a store lies, from now on.

    Parameters
    ----------
    file: None where the store is no file: then nothing is ever said of it.
    say: hears, once, that it is gone, back, or another.
    """

    def __init__(self, file: Path | None, say: Callable[[str], None]) -> None:
        self._file, self._say = file, say
        self._seen: tuple[int, int] | None = None
        self._known = self._seen = self._at()
        self._is_lost = False

    def is_lost(self) -> bool:
        """Whether another file is there by now. One that is merely gone may come back."""
        found = self._at()
        if found != self._seen and not self._is_lost:
            self._is_lost = found is not None and found != self._known
            self._say((_ANOTHER if self._is_lost else _GONE if found is None else _BACK).format(self._file))
        self._seen = found
        return self._is_lost

    def _at(self) -> tuple[int, int] | None:
        """Which file it is; None where there is none."""
        try:
            found = None if self._file is None else self._file.stat()
        except FileNotFoundError:
            return None
        except OSError:  # a network that is away for a moment: nothing is known of it
            return self._seen
        return None if found is None else (found.st_dev, found.st_ino)
