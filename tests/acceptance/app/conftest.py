"""The app in a real browser: `penstock up` on a copy of examples/rag_docs, and Debian's chromium driven by Playwright.

Screenshots are kept in the folder that the variable `SCREENSHOTS` names, else in pytest's own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

COMMAND = Path(sys.executable).parent / "penstock"
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "rag_docs"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
SHOTS = "SCREENSHOTS"
PATIENCE = 60_000
"""Milliseconds: several other things are at work on the machine of a test."""
expect.set_options(timeout=PATIENCE)


class App:
    """A project whose app is served, and where."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder, folder / "up.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def penstock(self, *words: str) -> str:
        """What a command prints; it must succeed."""
        done = subprocess.run([COMMAND, *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout

    def run(self, program: str) -> None:
        """A program of Python that uses penstock there; it must succeed."""
        subprocess.run([sys.executable, "-c", program], cwd=self.folder, check=True, capture_output=True)

    def try_penstock(self, *words: str) -> None:
        """Run a command of which a part may fail."""
        subprocess.run([COMMAND, *words], cwd=self.folder, check=False, capture_output=True)

    def start(self, *words: str) -> None:
        """`penstock up` is at work, or another command that serves the app."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [COMMAND, *(words or ("up",))], cwd=self.folder, stdout=output, stderr=output, start_new_session=True
            )
        self.address = until(lambda: re.search(r"the app is at (\S+?);?\s", self.output.read_text()))[1].rstrip(";")
        if not words:
            self._until_ready()

    def start_without_app(self) -> None:
        """`penstock up` is at work, and says why the app is not."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [COMMAND, "up"], cwd=self.folder, stdout=output, stderr=output, start_new_session=True
            )
        self._until_ready()

    def _until_ready(self) -> None:
        until(lambda: "  ready in " in self.output.read_text())

    def stop(self) -> None:
        """It has ended in order."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            finally:
                self.process.kill()


def until(holds: Callable[[], Any], *, seconds: float = 60) -> Any:
    """What it gives once that is true."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


@pytest.fixture(name="copied", scope="session")
def _copied() -> Callable[[Path], App]:
    """Makes a copy of the example; see below."""
    return copied


def copied(folder: Path) -> App:
    """The example, where nothing has been made, with the app at a free port."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".penstock", "data", "__pycache__"))
    with (folder / "penstock.toml").open("a") as file:
        file.write("\n[app]\nport = 0\n")
    return App(folder)


@pytest.fixture(scope="session")
def rag_docs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The example, made once, and `penstock up` at work on it."""
    app = copied(tmp_path_factory.mktemp("app") / "rag_docs")
    app.penstock("materialize")
    app.start()
    yield app
    app.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    if not CHROMIUM:
        pytest.skip("no chromium here: `apt-get install chromium` (the tests of the app drive it)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """A page of the app in a window of some size, and what the browser had to complain of."""

    def __init__(self, page: Page, shots: Path) -> None:
        self.page, self.shots = page, shots
        self.complaints: list[str] = []
        self.origin = ""
        page.set_default_timeout(PATIENCE)
        page.on("console", self._hear)
        page.on("pageerror", self._fail)

    def _hear(self, said: ConsoleMessage) -> None:
        url = said.location.get("url", "")
        if said.type == "error" and url.startswith(self.origin):
            self.complaints.append(f"{said.text} {url}")

    def _fail(self, error: Error) -> None:
        self.complaints.append(str(error))

    def leave(self) -> None:
        """The window is as a new one."""
        self.page.remove_listener("console", self._hear)
        self.page.remove_listener("pageerror", self._fail)
        self.page.goto("about:blank")
        self.page.context.clear_cookies()
        for other in self.page.context.pages:
            if other is not self.page:
                other.close()

    def open(self, address: str) -> Page:
        """The page, once it has been drawn."""
        self.origin = "/".join(address.split("/")[:3])
        self.page.goto(address)
        self.page.get_by_test_id("stMainBlockContainer").wait_for()
        return self.page

    def drawn(self) -> None:
        """Nothing is being computed any more."""
        self.page.get_by_test_id("stStatusWidget").wait_for(state="hidden")
        self.page.locator("[data-testid=stSkeleton]").first.wait_for(state="hidden")
        for graph in self.page.get_by_test_id("stBidiComponentIsolated").all():
            graph.locator(".box[data-settled]").wait_for()

    def look(self, name: str) -> None:
        """A screenshot is kept; nothing is wrong with what it shows."""
        self.drawn()
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)
        assert self.page.get_by_test_id("stException").count() == 0, self.page.get_by_test_id(
            "stException"
        ).all_inner_texts()
        wide = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")
        main = self.page.evaluate(
            "(one => one.scrollWidth > one.clientWidth + 1)(document.querySelector('[data-testid=stMain]'))"
        )
        assert not wide, "the page is wider than the window"
        assert not main, "what is on the page is wider than the window"
        assert self.complaints == []


@pytest.fixture(scope="session")
def windows(browser: Browser) -> list[Page]:
    """Those that no test uses just now: in a new one the browser reads all code of the app anew, for seconds."""
    del browser  # with which they are closed
    return []


@pytest.fixture
def visit(browser: Browser, windows: list[Page], tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    """Opens a window: so wide, light or dark."""
    kept = os.environ.get(SHOTS)
    shots = Path(kept) if kept else tmp_path
    shots.mkdir(parents=True, exist_ok=True)
    visits: list[Visit] = []

    def opened(width: int = 1280, *, dark: bool = False) -> Visit:
        page = windows.pop() if windows else browser.new_context().new_page()
        page.set_viewport_size({"width": width, "height": 1600})
        page.emulate_media(color_scheme="dark" if dark else "light")
        visits.append(Visit(page, shots))
        return visits[-1]

    yield opened
    for one in visits:
        one.leave()
        windows.append(one.page)
