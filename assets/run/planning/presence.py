"""Whether the bytes of heads are there, asked of the places where they lie, which may not answer."""

from __future__ import annotations

from collections.abc import Iterable

from ....storage.errors import StorageFault
from ....storage.files.objects import present
from ....storage.meta.versions import Head
from ..project.project import Project


class HeadUnseen(StorageFault):
    """Nobody can see whether the newest version of what an asset writes is there. It concerns that asset alone."""

    def __init__(self, asset: str, cause: StorageFault) -> None:
        super().__init__(cause.message, hint=cause.hint)
        self.asset = asset


def all_present(project: Project, asset: str, heads: Iterable[Head]) -> bool:
    """Whether every object of these heads of an asset is there.

    Raises
    ------
    HeadUnseen: one cannot be looked at.
    """
    try:
        for head in heads:
            place, name = project.place(head.uri, head.partition), project.graph.dataset_name(head.uri)
            if not present(head.manifest, place, dataset=name):
                return False
        return True
    except StorageFault as error:
        raise HeadUnseen(asset, error) from error
