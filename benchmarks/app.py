"""How fast the app is in a browser, over 10,000 assets, 100,000 runs and a million events, and what its process holds
after a thousand interactions, on several hundred pages that were opened for them: each page is a session of its own.

    python benchmarks/app.py [--folder FOLDER] [--interactions 1000]

`--folder` keeps the project there, which takes two minutes to write, for the next time. Needs Debian's chromium.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter
from urllib.request import urlopen

import psutil
from _figures import show
from _history import write
from _interactions import Screens, drawn
from _machine import show_memory
from playwright.sync_api import Error, Page, sync_playwright

COMMAND = Path(sys.executable).parent / "penstock"
SCREENS = {
    "assets": ("/assets", "text=10,000", True),
    "one asset": ("/assets?asset=a5000", "role=heading[name=a5000]", True),
    "runs": ("/runs", ".rows .one", False),
    "one run": ("/runs?run=RUN", "text=Attempts", False),
    "lineage": ("/lineage", ".rows .one", False),
    "lineage of a version": ("/lineage?version=a5000.json", "[data-testid=stDownloadButton]:visible", True),
}
"""What is opened, what is seen once it can be used, and whether its graph has to be drawn by then."""
ROUNDS = 5


@contextmanager
def served(folder: Path) -> Generator[tuple[str, int]]:
    """The app of the project: its address, and the id of its process."""
    with subprocess.Popen(
        [COMMAND, "ui", "--no-browser", "--port", "0"], cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            said = re.search(r"the app is at (\S+?);", process.stderr.readline())
            assert said is not None
            urlopen(said[1]).read()  # the first visit starts it
            until(lambda: answers(said[1]))
            (app,) = psutil.Process(process.pid).children()
            yield said[1], app.pid
        finally:
            process.terminate()


def answers(address: str) -> bool:
    """Whether the app itself does."""
    try:
        return bool(urlopen(f"{address}/_stcore/health", timeout=5).read() == b"ok")
    except OSError:
        return False


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    end = monotonic() + 60
    while not holds():
        assert monotonic() < end


def opened(page: Page, address: str, seen: str, *, with_graph: bool) -> float:
    """Seconds from the address to what is seen of it."""
    begin = perf_counter()
    page.goto(address)
    until(page.locator(seen).first.is_visible)
    if with_graph:
        drawn(page)
    return perf_counter() - begin


def measured(screens: Screens) -> Iterator[tuple[str, float]]:
    """What a person does next, on each screen: milliseconds from the click, or the key, to what it led to."""
    for one in screens.interactions():
        begin = perf_counter()
        try:
            one.act()
            one.wait()
        except (Error, TimeoutError) as error:
            error.add_note(f"This was: {one.name}.")
            raise
        yield one.name, 1000 * (perf_counter() - begin)


def held(pid: int) -> float:
    """MiB that a process holds for itself, and its part of what it shares."""
    return float(psutil.Process(pid).memory_full_info().pss / 2**20)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--interactions", type=int, default=1000)
    given = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no chromium here: apt-get install chromium")
        return
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = given.folder or Path(temporary)
        if not (folder / "penstock.toml").exists():
            folder.mkdir(parents=True, exist_ok=True)
            write(folder, assets=10_000, made=100_000, told=1_000_000)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        said = subprocess.run(
            [COMMAND, "runs", "-n", "1", "--json"], cwd=folder, check=True, capture_output=True, text=True
        )
        run = re.search(r'"id": "([^"]+)"', said.stdout)
        assert run is not None
        with served(folder) as (address, pid):
            page = browser.new_page()
            first = opened(page, f"{address}/assets", SCREENS["assets"][1], with_graph=True)
            show_memory(0.5)
            show("the very first visit, assets", first, "s", target=None)
            for name, (path, seen, with_graph) in SCREENS.items():
                place = address + path.replace("RUN", run[1])
                times = [opened(page, place, seen, with_graph=with_graph) for _ in range(3)]
                show(f"{name}: until it can be used", median(times), "s", target=1.5)
            show("the app's process then", held(pid), "MiB", target=None)
            screens = Screens(page, address)
            took: dict[str, list[float]] = defaultdict(list)
            for _ in range(ROUNDS):
                for name, milliseconds in measured(screens):
                    took[name].append(milliseconds)
            for name, times in took.items():
                show(f"next: {name}", median(times), "ms", target=500)
            done = sum(len(times) for times in took.values())
            screens.pause = 150  # from here on nothing is timed
            for goal in (*range(250, given.interactions, 250), given.interactions):
                while done < goal:
                    done += sum(1 for _ in measured(screens))
                name = f"the app's process after {done:,} interactions on {screens.opened:,} pages"
                show(name, held(pid), "MiB", target=400)
        browser.close()


if __name__ == "__main__":
    main()
