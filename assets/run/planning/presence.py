"""Whether the bytes of heads are there, asked of the places where they lie, which may not answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ....storage.errors import StorageFault
from ....storage.files.objects import present
from ....storage.meta.versions import Head
from ..looking.changes import sentences
from ..project.project import Project


class Presence(NamedTuple):
    """Whether every object of some heads is there; `unseen`: why nobody can see it, in sentences; "" where one can."""

    present: bool
    unseen: str = ""


def presence(project: Project, heads: Iterable[Head]) -> Presence:
    """Whether every object of these heads is there."""
    try:
        for head in heads:
            place, name = project.place(head.uri, head.partition), project.graph.dataset_name(head.uri)
            if not present(head.manifest, place, dataset=name):
                return Presence(present=False)
        return Presence(present=True)
    except StorageFault as error:
        return Presence(present=True, unseen=sentences(error))
