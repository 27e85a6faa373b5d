"""What a person does next on each screen of the app, in a browser, and what is seen of it once that is done. Made for
the project of `_history.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from playwright.sync_api import Error, Locator, Page

_GRAPH = ".graph .box"
_NODES = """box => [...box.querySelectorAll(".node")].map(one => one.dataset.id).filter(one => one[0] > "\\u0001")"""
_SAID = "[data-testid=stMarkdownContainer], [data-testid=stCaptionContainer]"
_AGAIN = 15
"""Milliseconds between two looks: whoever looks all the time slows down what is looked at."""
_ROWS = ".rows.chosen"


@dataclass(frozen=True, slots=True)
class Interaction:
    """An act, and the wait for what it leads to."""

    name: str
    act: Callable[[], object]
    wait: Callable[[], object]


class Screens:
    """A page of the app, and what can be done on it; `opened`: how often an address was; `pause`: milliseconds that a
    person looks at what came before doing the next thing."""

    def __init__(self, page: Page, address: str) -> None:
        self._page, self._address = page, address
        self.opened, self.pause = 0, 500

    def interactions(self) -> Iterator[Interaction]:
        """One after the other; each has to be done before the next is asked for."""
        yield from self._assets()
        yield from self._asset()
        yield from self._runs()
        yield from self._lineage()

    def _assets(self) -> Iterator[Interaction]:
        self._open("/assets")
        self._text("Look for").fill("a4999")
        yield Interaction("assets: look for one", self._enter, self._seen(self._said(": 1 of 10,000")))
        self._rest()
        yield Interaction("assets: choose one in the list", self._row(0), self._seen(self._heading("a4999")))
        self._open("/assets?q=a49")
        self._button("Filter").click()
        self._offered("State", "failed")
        yield Interaction("assets: those that failed", self._enter, self._seen(self._said(r": \d\d? of 10,000")))
        self._open("/assets?group-of=-group_49")
        yield Interaction("assets: choose one in the graph", self._node("a4950"), self._seen(self._heading("a4950")))
        self._rest()
        other = next(one for one in self._drawn() if one != "a4950")
        yield Interaction("one asset: another one in the graph", self._node(other), self._seen(self._heading(other)))

    def _asset(self) -> Iterator[Interaction]:
        self._open("/assets?asset=a5000&view=Source")
        for view, sign in (
            ("Data", self._said("· published ")),
            ("Versions", self._button("Older")),
            ("Runs", self._said("^All its runs")),
            ("Source", self._page.get_by_text("It is not recorded where its code stands")),
            ("Why", self._said("pending")),
        ):
            yield Interaction(f"one asset: {view}", self._page.get_by_role("radio", name=view).click, self._seen(sign))
        self._open("/assets?asset=a5000&view=Versions")
        yield Interaction("one asset: older versions", self._button("Older").click, self._table_turned())

    def _runs(self) -> Iterator[Interaction]:
        self._open("/runs")
        self._offered("Planned within the last", "week")
        week = self._seen(self._said(r"^\d\d,\d\d\d runs"))
        yield Interaction("runs: of the last week", self._enter, week)
        self._text("Asset").fill("a5000")
        yield Interaction("runs: of an asset", self._enter, self._seen(self._said(r"^\d+ runs?")))
        self._open("/runs")
        self._offered("State", "failed")
        yield Interaction("runs: those that failed", self._enter, self._seen(self._said("^2,000 runs")))
        self._open("/runs")
        for page in ("older ones", "older ones yet"):
            self._rest()
            yield Interaction(f"runs: {page}", self._button("Older").click, self._table_turned())
        self._open("/runs?states=failed")
        attempts = self._page.locator("h3", has_text="Attempts")
        yield Interaction("runs: choose one", self._row(2), self._seen(attempts))
        self._rest()
        back = self._page.get_by_text("Click a run to see all of it")
        yield Interaction("one run: all runs", self._button("All runs").click, self._seen(back))

    def _lineage(self) -> Iterator[Interaction]:
        self._open("/lineage")
        self._text("Lineage of").fill("a5000.json")
        # To look for its text would take a tenth of the wait.
        download = self._page.locator("[data-testid=stDownloadButton]:visible")
        yield Interaction("lineage: of a version", self._enter, self._seen(download))
        for which in ("What was made of it", "What went into it"):
            self._rest()
            click = self._page.get_by_role("radio", name=which).click
            yield Interaction(f"lineage: {which[0].lower()}{which[1:]}", click, self._table_turned())
        self._button("View").click()
        for steps, what in (("1", "less deep"), ("2", "deeper")):
            self._page.get_by_role("spinbutton", name="Steps up").fill(steps)
            yield Interaction(f"lineage: {what}", self._enter, self._drawn_anew())
            self._rest()
        self._text("As of").fill("-5d")
        now = self._page.get_by_role("heading", level=2).inner_text()
        then = self._page.get_by_role("heading", level=2).filter(has_not_text=now)
        yield Interaction("lineage: as of an earlier time", self._enter, self._seen(then))
        self._open("/lineage?version=a5000.json")
        other = self._drawn()[1]  # the first is the one that is shown
        now = self._page.get_by_role("heading", level=2).inner_text()
        then = self._page.get_by_role("heading", level=2).filter(has_not_text=now)
        yield Interaction("lineage: go on in the graph", self._node(other), self._seen(then))
        self._open("/lineage?version=a5000.json")
        self._text("Ways to").fill("a3497")
        yield Interaction("lineage: ways to another", self._enter, lambda: self._until(self._strong))

    def _open(self, path: str) -> None:
        self.opened += 1
        self._page.goto(f"{self._address}{path}")
        self._page.get_by_test_id("stMainBlockContainer").wait_for()
        self._rest()

    def _rest(self) -> None:
        """Nothing is computed any more, and the graph is drawn where there is one."""
        self._page.wait_for_timeout(self.pause)
        if self._page.locator(_GRAPH).count():
            self._drawn()
        self._page.get_by_test_id("stStatusWidget").wait_for(state="hidden")
        self._page.locator("[data-testid=stSkeleton]").first.wait_for(state="hidden")

    def _enter(self) -> None:
        self._page.keyboard.press("Enter")

    def _text(self, name: str) -> Locator:
        return self._page.get_by_role("textbox", name=name, exact=True)

    def _heading(self, name: str) -> Locator:
        return self._page.get_by_role("heading", name=name, exact=True)

    def _button(self, name: str) -> Locator:
        return self._page.get_by_role("button", name=name, exact=True)

    def _said(self, pattern: str) -> Locator:
        return self._page.locator(_SAID).filter(has_text=re.compile(pattern)).first

    def _seen(self, what: Locator) -> Callable[[], None]:
        """It is seen: asked every few milliseconds, for what waits in Playwright looks twice a second in the end."""
        return lambda: self._until(what.first.is_visible)

    def _offered(self, name: str, option: str) -> None:
        """The field offers this option, which is taken by Enter: a list that scrolls under the mouse loses clicks."""
        self._page.get_by_role("combobox", name=name).fill(option)
        self._page.get_by_role("option", name=option, exact=True).wait_for()

    def _row(self, number: int) -> Callable[[], object]:
        """A click into this row of the table, once the mouse is there."""
        self._page.locator(f"{_ROWS} .one").nth(number).hover()
        return self._click

    def _table_turned(self) -> Callable[[], None]:
        """The first table shows other cells than now."""
        table = self._page.locator(_ROWS).first
        before = table.text_content()
        return lambda: self._until(lambda: table.text_content(timeout=1000) != before)

    def _drawn(self) -> list[str]:
        """The nodes of the graph, once it is drawn."""
        return drawn(self._page)

    def _drawn_anew(self) -> Callable[[], None]:
        """Other nodes are drawn than now."""
        before = set(self._drawn())
        return lambda: self._until(lambda: set(self._nodes()) not in (set(), before))

    def _node(self, name: str) -> Callable[[], object]:
        """A click on this node of the graph, once that has come to rest and the mouse is there."""
        self._graph().locator(f".node[data-id='{name}']").hover()
        return self._click

    def _click(self) -> None:
        self._page.mouse.down()
        self._page.mouse.up()

    def _nodes(self) -> list[str]:
        return _nodes(self._page)

    def _strong(self) -> bool:
        """Whether a way through the graph is drawn in strong lines."""
        return self._graph().locator("path.way").count() > 0

    def _graph(self) -> Locator:
        return _graph(self._page)

    def _until(self, holds: Callable[[], object]) -> None:
        _until(self._page, holds)


def drawn(page: Page) -> list[str]:
    """The nodes of the graph of a page, once it is drawn."""
    found: list[str] = []

    def some() -> bool:
        found[:] = _nodes(page)
        return bool(found)

    _until(page, some)
    return found


def _nodes(page: Page) -> list[str]:
    return list(_graph(page).evaluate(_NODES, timeout=1000))


def _graph(page: Page) -> Locator:
    return page.locator(_GRAPH)


def _until(page: Page, holds: Callable[[], object]) -> None:
    end = monotonic() + 15
    while monotonic() < end:
        with suppress(Error):  # what is drawn anew is gone in between
            if holds():
                return
        page.wait_for_timeout(_AGAIN)
    raise TimeoutError(f"nothing came of it at {page.url}")
