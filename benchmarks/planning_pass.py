"""What a pass of the planner costs: from the commit of an event to the commit of its run, in large graphs, with many
events, with a long history; and what publishing costs. Every part is measured in a process of its own.

Opening a project is no part of a figure. Runs are planned, never executed. `--postgresql`: with a server that syncs.

    python benchmarks/planning_pass.py [--parts one,many,drain,publish,history,waiting] [--postgresql]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from _figures import show
from _postgresql import Server
from planner import MODES, NIGHTLY, READ, mixed
from sqlalchemy import func, select, update

from penstock import meta
from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import DatasetLeaf
from penstock.assets.declare.conditions.tree import AllOf, Condition
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.policies import Policies
from penstock.assets.run.project.project import Project, environment, open_store
from penstock.assets.run.project.reading import Reading
from penstock.assets.run.project.registering import register
from penstock.assets.run.tick import tick
from penstock.storage.manifest import Manifest
from penstock.storage.meta.catalogue import assets
from penstock.storage.meta.database.engine import now
from penstock.storage.meta.events import publish_event
from penstock.storage.meta.outside import record_event
from penstock.storage.meta.runs import runs
from penstock.storage.meta.versions import keep_version
from penstock.storage.settings import read_settings
from penstock.storage.types import RunState

SAID = {"rows": 1}


def graph(count: int) -> Catalogue:
    """So many assets over sources and each other, each over five datasets of which about five assets read each."""
    draw, sources = random.Random(3), count // 5
    uris = [f"s{number}.json" for number in range(sources)]
    made: list[Asset] = []
    for number in range(count):
        read = draw.sample(uris[-sources:], READ)
        made.append(
            Asset(
                name=f"a{number}",
                outputs=(f"a{number}.json",),
                condition=mixed(number, read),
                inputs=tuple(Input(parameter=f"p{place}", uri=uri) for place, uri in enumerate(read)),
                policies=Policies(consume=MODES[number % len(MODES)]),
            )
        )
        uris.append(f"a{number}.json")
    return Catalogue(assets={one.name: one for one in made}, datasets={uri: Dataset(uri) for uri in uris})


def readers(wanted: Iterable[str]) -> Catalogue:
    """An asset for each of these datasets, which waits for it and reads it; a dataset may be named several times."""
    made = [
        Asset(
            name=f"a{number}",
            outputs=(f"a{number}.json",),
            condition=DatasetLeaf(uri=uri),
            inputs=(Input(parameter="p", uri=uri),),
        )
        for number, uri in enumerate(wanted)
    ]
    uris = dict.fromkeys(uri for one in made for uri in (*one.outputs, *(used.uri for used in one.inputs)))
    return Catalogue(assets={one.name: one for one in made}, datasets={uri: Dataset(uri) for uri in uris})


@contextmanager
def opened(folder: Path, catalogue: Catalogue) -> Generator[Project]:
    """A project with this catalogue, registered, with nothing left on its agenda."""
    settings = read_settings(
        folder, home=str(folder / "home"), data_root=str(folder / "data"), project=f"bench-{folder.name}"
    )
    reading = Reading(catalogue)
    gc.set_threshold(50_000, 50, 100)  # as `open_project` does
    with open_store(settings) as store:
        project = Project(
            settings=settings,
            reading=reading,
            functions={},
            store=store,
            ids=register(store, catalogue, plain=reading.plain),
            environment=environment(settings),
            parameters={},
        )
        yield project


def publish(project: Project, uris: Iterable[str]) -> None:
    """A new version of each of these datasets, in one transaction, whoever writes them."""
    with project.store.write() as tx:
        moment = now(tx)
        for uri in uris:
            number = project.ids.datasets[uri]
            manifest = Manifest(suffix="", token=f"{uri} {random.random()}")
            version = keep_version(tx, dataset_id=number, manifest=manifest, held=False, now=moment)
            publish_event(tx, dataset_id=number, version_id=version, run_id=None, metadata=SAID, now=moment)


def tell(project: Project, uri: str) -> float:
    """Somebody tells of a new version; seconds with the commit."""
    start = perf_counter()
    with project.store.write() as tx:
        record_event(tx, project.name, uri, metadata=SAID, now=now(tx))
    return perf_counter() - start


def passed(project: Project) -> tuple[float, int]:
    """Seconds of a pass, and how many runs it recorded."""
    start = perf_counter()
    done = tick(project)
    return perf_counter() - start, len(done.record.runs)


@contextmanager
def mixed_graph(folder: Path, count: int) -> Generator[Project]:
    """A graph of which every dataset has a version, older than the assets: it completes conditions and starts none."""
    catalogue = graph(count)
    with opened(folder, Catalogue(assets={}, datasets=catalogue.datasets)) as project:
        publish(project, catalogue.datasets)
        passed(project)
    with opened(folder, catalogue) as project:
        passed(project)
        yield project


def finish(project: Project) -> None:
    """Every run that was planned has succeeded, without having been executed."""
    newest = select(func.max(runs.c.id)).where(runs.c.asset_id == assets.c.id).scalar_subquery()
    with project.store.write() as tx:
        ended = {"state": RunState.SUCCESS.value, "ended_at": (moment := now(tx))}
        of = tx.execute(select(runs.c.asset_id).where(runs.c.ended_at.is_(None))).scalars().all()
        tx.execute(update(runs).where(runs.c.ended_at.is_(None)).values(ended))
        if len(of) == 1:
            tx.execute(update(assets).where(assets.c.id == of[0]).values(head_run_id=newest, succeeded_at=moment))
        else:
            tx.execute(update(assets).values(head_run_id=newest, succeeded_at=moment))


def one(folder: Path, count: int) -> Mapping[str, float]:
    """Passes after one event each, in as many datasets; those that led to a run."""
    with mixed_graph(folder, count) as project:
        sources = sorted((uri for uri in project.graph.waiting if uri.startswith("s")), key=hash_of)
        found: list[tuple[float, int]] = []
        for uri in sources[:100]:
            tell(project, uri)
            found.append(passed(project))
    useful = sorted((took, made) for took, made in found if made)
    return {
        "pass": 1000 * median(took for took, _ in useful),
        "worst": 1000 * useful[-1][0],
        "runs": sum(made for _, made in useful) / len(useful),
        "single": 1000 * median([took for took, made in useful if made == 1] or [0.0]),
    }


def hash_of(uri: str) -> float:
    """An order of datasets that is the same every time, and not that of their numbers."""
    return random.Random(uri).random()


def many(folder: Path, datasets: int, events: int) -> Mapping[str, float]:
    """A pass after so many events at once, over so many datasets of a graph of 10,000."""
    with mixed_graph(folder, 10_000) as project:
        named = sorted(project.graph.waiting, key=hash_of)[:datasets]
        publish(project, [uri for _ in range(events // datasets) for uri in named])
        took, made = passed(project)
    return {"pass": took, "runs": made, "events": len(named) * (events // datasets)}


def fill(folder: Path) -> Mapping[str, float]:
    """50,000 events of which one asset knows nothing yet."""
    with opened(folder, readers(["s.json"])) as project:
        passed(project)
        publish(project, ["s.json"] * 50_000)
    return {}


def drain(folder: Path) -> Mapping[str, float]:
    """What `fill` has left, after a first pass elsewhere, so that what is loaded once is loaded."""
    with opened(folder / "warm", readers(["s.json"])) as project:
        publish(project, ["s.json"])
        passed(project)
    with opened(folder, readers(["s.json"])) as project:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took, made = passed(project)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return {"pass": 1000 * took, "runs": made, "megabytes": (after - before) * unit / 1e6}


def publishing(folder: Path) -> Mapping[str, float]:
    """An event in a dataset with 10,000 consumers, and in one with one, by turns."""
    with opened(folder, readers([*["hub.json"] * 10_000, "lone.json"])) as project:
        both = [(tell(project, "hub.json"), tell(project, "lone.json")) for _ in range(300)]
    return {"hub": 1000 * median(hub for hub, _ in both), "lone": 1000 * median(lone for _, lone in both)}


def history(folder: Path) -> Mapping[str, float]:
    """Passes after one event each, over a short history and over a long one: a hundred rounds of 10,000 events and
    1,000 runs."""
    uris = [f"s{number}.json" for number in range(1000)]
    with opened(folder, readers(uris)) as project:
        passed(project)

        def grown(events: int) -> None:
            publish(project, uris * events)
            assert passed(project)[1] == len(uris)
            finish(project)

        def single() -> float:
            took: list[float] = []
            for uri in uris[:200]:
                tell(project, uri)
                seconds, made = passed(project)
                assert made == 1
                took.append(seconds)
                finish(project)
            return 1000 * median(took)

        grown(1)
        single()
        before = single()
        for _ in range(100):
            grown(10)
        return {"before": before, "after": single()}


def waiting(folder: Path, condition: Condition) -> Mapping[str, float]:
    """Passes after one event each, by turns where 1,000 and 100,000 others wait for a condition that never holds."""
    made = Asset(name="a", outputs=("a.json",), condition=condition)
    known = Catalogue(assets={"a": made}, datasets={uri: Dataset(uri) for uri in ("s.json", "t.json", "a.json")})
    with opened(folder / "short", known) as short, opened(folder / "long", known) as long:
        publish(short, ["s.json"] * 1_000)
        publish(long, ["s.json"] * 100_000)
        found: dict[str, list[float]] = {"short": [], "long": []}
        for name, project in [("short", short), ("long", long)] * 200:
            found[name].append((tell(project, "s.json"), passed(project)[0])[1])
    return {name: 1000 * median(times) for name, times in found.items()}  # the first, which counts all, is but one


BOTH = AllOf(children=(DatasetLeaf(uri="s.json"), DatasetLeaf(uri="t.json")))
LARGE = DatasetLeaf(uri="s.json", predicate=meta("rows") > 1000)
SINCE = AllOf(children=(DatasetLeaf(uri="s.json", timetable=NIGHTLY), DatasetLeaf(uri="t.json")))
PARTS: Mapping[str, Callable[[Path], Mapping[str, float]]] = {
    "one-1000": lambda folder: one(folder, 1000),
    "one-10000": lambda folder: one(folder, 10_000),
    "many-10000": lambda folder: many(folder, 10_000, 10_000),
    "many-100": lambda folder: many(folder, 100, 10_000),
    "fill": fill,
    "drain": drain,
    "publish": publishing,
    "history": history,
    "both": partial(waiting, condition=BOTH),
    "large": partial(waiting, condition=LARGE),
    "since": partial(waiting, condition=SINCE),
}


def measured(part: str, place: Path) -> Mapping[str, float]:
    """The figures of one part, of a process of its own; what it made stays in the folder, or in a database of its
    name."""
    place.mkdir(exist_ok=True)
    command = [sys.executable, __file__, "--one", part, str(place)]
    served = {} if SERVER is None else {"PENSTOCK_DATABASE": SERVER.database(place.name)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **served})
    return json.loads(done.stdout)


SERVER: Server | None = None


def tell_one(place: Path) -> None:
    """One event, in a small graph and in a large one."""
    small = measured("one-1000", place / "small")
    large = measured("one-10000", place / "large")
    for count, found in ((1000, small), (10_000, large)):
        title = f"one event, {count} mixed assets: commit to commit"
        show(f"{title}, {found['runs']:.1f} runs", found["pass"], "ms", target=10)
        show("… where it is one run", found["single"], "ms", target=10)
        show("… the slowest of them", found["worst"], "ms", target=None)
    show("one event: 10000 assets against 1000", large["pass"] / small["pass"], "times", target=1.2)


def tell_many(place: Path) -> None:
    """10,000 events, each in a dataset of its own, and in few datasets."""
    for datasets in (10_000, 100):
        found = measured(f"many-{datasets}", place / f"many-{datasets}")
        show(
            f"{found['events']:.0f} events in {datasets} datasets, {found['runs']:.0f} runs",
            found["pass"],
            "s",
            target=2,
        )


def tell_drain(place: Path) -> None:
    """50,000 pending events of one asset."""
    measured("fill", place / "drain")
    found = measured("drain", place / "drain")
    show(f"50000 pending events into {found['runs']:.0f} run", found["pass"], "ms", target=500)
    show("… by how much the process grows", found["megabytes"], "MB", target=20)


def tell_publish(place: Path) -> None:
    """An event in a dataset with many consumers."""
    found = measured("publish", place / "publish")
    show("publishing to a dataset with one consumer", found["lone"], "ms", target=None)
    show("… with 10000", found["hub"], "ms", target=None)
    show("… 10000 against one", found["hub"] / found["lone"], "times", target=1.2)


def tell_history(place: Path) -> None:
    """A pass over a long history."""
    found = measured("history", place / "history")
    show("a pass over a short history", found["before"], "ms", target=None)
    show("… over 1000000 events, 100000 runs", found["after"] / found["before"], "times", target=1.2)


def tell_waiting(place: Path) -> None:
    """A pass where much is pending, and nothing comes of it."""
    for part, title in (("both", "half of it"), ("large", "events that do not count"), ("since", "half, since a tick")):
        found = measured(part, place / part)
        show(f"one event more, 1000 pending: {title}", found["short"], "ms", target=None)
        show("… 100000 pending", found["long"], "ms", target=None)
        show("… 100000 against 1000", found["long"] / found["short"], "times", target=1.2)


TOLD: Mapping[str, Callable[[Path], None]] = {
    "one": tell_one,
    "many": tell_many,
    "drain": tell_drain,
    "publish": tell_publish,
    "history": tell_history,
    "waiting": tell_waiting,
}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=2, metavar=("PART", "FOLDER"))
    parser.add_argument("--parts", default=",".join(TOLD))
    parser.add_argument("--postgresql", action="store_true")
    wanted = parser.parse_args()
    if wanted.one:
        part, place = wanted.one
        print(json.dumps(PARTS[part](Path(place))))
        return
    with tempfile.TemporaryDirectory(dir=".") as folder, tempfile.TemporaryDirectory() as data:
        if wanted.postgresql:
            global SERVER  # noqa: PLW0603  the one thing that every part shares
            SERVER = Server(data)
        for part in wanted.parts.split(","):
            TOLD[part](Path(folder).absolute())


if __name__ == "__main__":
    main()
