"""What an OpenLineage event costs: rendering one, importing the classes for it. Figures beside their targets."""

from __future__ import annotations

import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from statistics import median
from uuid import uuid4

from openlineage.client.serde import Serde

from penstock.lineage import events
from penstock.lineage.facts import DatasetFacts, JobFacts, ParentFacts, RunFacts, SourceLocation
from penstock.lineage.vocabulary import event_v2, facet_v2
from penstock.storage.manifest import Column

AT = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
COLUMNS = (
    Column(name="chunk_id", type="String"),
    Column(name="text", type="String"),
    Column(name="v", type="List(Float32)"),
)
PARENT = ParentFacts(run_id=str(uuid4()), project="bench", job="materialize")


def dataset(number: int) -> DatasetFacts:
    """A version that nothing has been rendered of."""
    return DatasetFacts(
        uri=f"file:///data/layer/dataset_{number}.parquet",
        name=f"dataset_{number}",
        digest=f"{number:064x}",
        columns=COLUMNS,
        rows=number,
        size=number * 100,
        files=1,
        suffix=".parquet",
        description=f"Dataset {number} of the benchmark.",
        change="created",
    )


def fresh_runs(inputs: int, first: int) -> Iterator[RunFacts]:
    """Runs of assets never seen before, each reading what those before it wrote, as a first materialization has it."""
    written: list[DatasetFacts] = [dataset(first + number) for number in range(inputs)]
    for number in count(first + inputs):
        output = dataset(number)
        yield RunFacts(
            run_id=str(uuid4()),
            job=JobFacts(
                project="bench",
                asset=f"asset_{number}",
                engine_version="0.1.0",
                description=f"Asset {number} of the benchmark.",
                source=SourceLocation(path="/srv/bench/assets.py", line=number),
            ),
            parent=PARENT,
            inputs=tuple(replace(version, change=None) for version in written),
            outputs=(output,),
            reason="input_changed",
        )
        written = [*written[1:], output]


def milliseconds(function: Callable[[RunFacts], object], runs: list[RunFacts], repeat: int = 7) -> float:
    """The median over slices of the runs, each run once."""
    size = len(runs) // repeat
    slices = [runs[place : place + size] for place in range(0, size * repeat, size)]
    times = [timeit.timeit(lambda part=part: [function(run) for run in part], number=1) / size for part in slices]
    return median(times) * 1000


def complete(run: RunFacts) -> bytes:
    """The larger of a run's two events."""
    return events.complete(run, AT)


def both(run: RunFacts) -> None:
    """What one run of an asset costs: its START and its COMPLETE."""
    events.start(run, AT)
    events.complete(run, AT)


def by_serde(run: RunFacts) -> str:
    """One small event as the client makes it, for scale: twenty columns, one output."""
    fields = [facet_v2.schema_dataset.SchemaDatasetFacetFields(f"c{n}", "Int64") for n in range(20)]
    output = event_v2.OutputDataset("file", "/x", facets={"schema": facet_v2.schema_dataset.SchemaDatasetFacet(fields)})
    event = event_v2.RunEvent(
        eventTime=AT.isoformat(), run=event_v2.Run(run.run_id), job=event_v2.Job("bench", "x"), outputs=[output]
    )
    return Serde.to_json(event)


def import_milliseconds(statement: str) -> float:
    """The median of five fresh interpreters."""
    code = f"import time; t = time.perf_counter(); {statement}; print((time.perf_counter() - t) * 1000)"
    return median(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5))


def show(what: str, value: float, target: float | None) -> None:
    """One line: the figure, beside its target where it has one."""
    aim = "" if target is None else f"   target {target:g} ms  {'ok' if value <= target else 'MISSED'}"
    print(f"{what:<66}{value:9.3f} ms{aim}")


def main() -> None:
    """Every figure."""
    one, ten = fresh_runs(1, first=0), fresh_runs(10, first=100_000)
    both(next(one)), both(next(ten))
    for name, runs, target in (("1 input", one, 0.25), ("10 inputs", ten, 0.7)):
        cold = [next(runs) for _ in range(350)]
        show(f"COMPLETE, {name}, 1 output, 3 columns each, first time", milliseconds(complete, cold), target)
        show(f"COMPLETE, {name}, the same again", milliseconds(complete, cold), target)
        fresh = [next(runs) for _ in range(350)]
        show(f"START and COMPLETE of a run, {name}, first time", milliseconds(both, fresh), 2 * target)
    show("for scale: 1 output of 20 columns by Serde.to_json", milliseconds(by_serde, cold), None)
    show("import penstock.lineage.events", import_milliseconds("import penstock.lineage.events"), 150)
    show("for scale: import openlineage.client", import_milliseconds("import openlineage.client"), None)


if __name__ == "__main__":
    main()
