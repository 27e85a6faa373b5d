"""Whether what penstock promises is true of the store, and if asked of the bytes that it names."""

from __future__ import annotations

from collections.abc import Iterator

from ...assets.run.checking.bytes import Looking, Tell
from ...assets.run.checking.check import check, silent
from ...storage.meta.checking.check import Checked
from ...storage.meta.database.engine import Store
from ...storage.settings import ProjectSettings


def checked(
    store: Store, settings: ProjectSettings, *, looking: Looking | None = None, tell: Tell = silent
) -> Iterator[Checked]:
    """What each check finds, in order, as it is found, all in one snapshot; of each the first violations word by word.

    Parameters
    ----------
    looking: how closely bytes are looked at; None: not at all.
    tell: is told how many bytes of how many were looked at.
    """
    return check(store, settings, looking=looking, tell=tell)
