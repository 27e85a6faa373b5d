"""How fast the app is in a browser, over 10,000 assets, 100,000 runs and a million events, and what its process holds
after a thousand interactions.

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
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter
from urllib.request import urlopen

import psutil
from _figures import show
from _history import write
from playwright.sync_api import Page, sync_playwright

COMMAND = Path(sys.executable).parent / "penstock"
SCREENS = {
    "assets": ("/assets", "text=10,000"),
    "one asset": ("/assets?asset=a5000", "role=heading[name=a5000]"),
    "runs": ("/runs", "[data-testid=stDataFrame]"),
    "one run": ("/runs?run=RUN", "text=Attempts"),
    "lineage": ("/lineage", "[data-testid=stDataFrame]"),
    "lineage of a version": ("/lineage?version=a5000.json", "[data-testid=stDownloadButton]"),
}
"""What is opened, and what is seen once it can be used."""


@contextmanager
def served(folder: Path) -> Generator[tuple[str, int]]:
    """The app of the project: its address, and the id of its process."""
    with subprocess.Popen(
        [COMMAND, "ui", "--no-browser", "--port", "0"], cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = re.search(r"the app is at (\S+?);", process.stderr.readline())
        assert said is not None
        urlopen(said[1]).read()  # the first visit starts it
        until(lambda: answers(said[1]))
        (app,) = psutil.Process(process.pid).children()
        yield said[1], app.pid
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


def opened(page: Page, address: str, seen: str) -> float:
    """Seconds from the address to what is seen of it."""
    begin = perf_counter()
    page.goto(address)
    page.wait_for_selector(seen, timeout=60_000)
    return perf_counter() - begin


def interactions(page: Page, address: str) -> list[tuple[str, float]]:
    """What a person does next, on each screen: seconds from the click, or the key, to what it led to."""
    took: list[tuple[str, float]] = []

    def timed(name: str, act: Callable[[], object], seen: str) -> None:
        begin = perf_counter()
        act()
        page.wait_for_selector(seen, timeout=60_000)
        took.append((name, perf_counter() - begin))

    opened(page, f"{address}/assets", SCREENS["assets"][1])
    page.get_by_role("textbox").first.fill("a4999")
    timed("a search", lambda: page.keyboard.press("Enter"), "text=/^bench.*1 of 10,000|1\\s+of 10,000/")
    opened(page, f"{address}/assets?asset=a5000", SCREENS["one asset"][1])
    timed("another view of an asset", lambda: page.get_by_text("Versions", exact=True).click(), "text=/Older|digest/")
    opened(page, f"{address}/runs", SCREENS["runs"][1])
    timed("runs of the last day", page.get_by_text("day", exact=True).first.click, "text=/[0-9,]+ runs/")
    opened(page, f"{address}/lineage?version=a5000.json", SCREENS["lineage of a version"][1])
    timed("what was made of it", lambda: page.get_by_text("What was made of it").click(), "text=/versions|No run/")
    return took


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
            first = opened(page, f"{address}/assets", SCREENS["assets"][1])
            show("the very first visit, assets", first, "s", target=None)
            for name, (path, seen) in SCREENS.items():
                times = [opened(page, address + path.replace("RUN", run[1]), seen) for _ in range(3)]
                show(f"{name}: until it can be used", median(times), "s", target=1.5)
            for name, seconds in interactions(page, address):
                show(f"next: {name}", 1000 * seconds, "ms", target=500)
            for number in range(given.interactions):
                path, seen = list(SCREENS.values())[number % len(SCREENS)]
                opened(page, address + path.replace("RUN", run[1]), seen)
            held = psutil.Process(pid).memory_full_info().pss / 2**20
            show(f"the app's process after {given.interactions:,} interactions", held, "MiB", target=400)
        browser.close()


if __name__ == "__main__":
    main()
