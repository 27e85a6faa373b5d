"""Whose fault a failed query is: of a lazy input only the beginning is looked at before a producer runs, so that a file
that is torn further down fails in the producer's query, or while its result is written, and blames the wrong one.

Asked only when a query has failed: each lazy input is then read to its end by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ....storage.errors import StorageFault
from ....storage.types import ValueKind
from ..project.project import Project
from .assignment import Assignment
from .producing import Fingerprints, kind_read, read_input

_OF_THE_QUERY = frozenset(
    {
        "ColumnNotFoundError",
        "DuplicateError",
        "SchemaFieldNotFoundError",
        "ShapeError",
        "SQLInterfaceError",
        "SQLSyntaxError",
        "StructFieldNotFoundError",
    }
)
"""What polars raises of queries alone: no file need be read to know whose fault it is."""


def torn(project: Project, work: Assignment, seen: Fingerprints, error: BaseException) -> StorageFault | None:
    """What is wrong with the inputs that were read lazily; None where the error is not of reading, names its file
    already, or all are whole.

    Costs one pass over each of them, in bounded memory.
    """
    if isinstance(error, StorageFault) or not any(_may_be_of_reading(each) for each in _chain(error)):
        return None
    found: list[StorageFault] = []
    for one in work.asset.inputs:
        heads = work.several.get(one.parameter) or {"": work.inputs.get(one.parameter)}
        lazy = kind_read(project, one) is ValueKind.LAZY_FRAME
        for head in heads.values() if lazy else ():
            try:
                for _ in () if head is None else read_input(project, replace(one, kind=ValueKind.FRAMES), head, seen):
                    pass
            except StorageFault as fault:
                found.append(StorageFault(f"{fault.message} (it is {one.uri})", hint=fault.hint))
    if not found:
        return None
    inputs = "an input" if len(found) == 1 else f"{len(found)} inputs"
    return StorageFault(
        f"asset {work.asset.name} failed on {inputs} that cannot be read: {'; '.join(one.message for one in found)}",
        hint=found[0].hint,
    )


def _may_be_of_reading(error: BaseException) -> bool:
    name = type(error).__name__
    return name == "PanicException" or (type(error).__module__.startswith("polars") and name not in _OF_THE_QUERY)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from or during, as often as producers wrap it."""
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
