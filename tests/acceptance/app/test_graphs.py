"""Graphs in a browser: they can be read on a page of any width, and what is not seen of one is told and reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]

BEYOND = "There is more of it than is seen here"
READABLE = 10
"""Pixels that letters have at least."""
TALL = """
from penstock import Dataset, asset

raw = Dataset("raw.json")

def make(name):
    @asset(f"{name}.json", on=raw, name=name, inputs={"given": raw})
    def part(given: list) -> list:
        return given

for name in (*(f"part_{number:02}" for number in range(28)), "pair_one", "pair_two"):
    make(name)
"""
_STANDS = """(box, chosen) => {
    const drawn = box.querySelector("svg"), nodes = [...drawn.querySelectorAll(".node")];
    if (!box.dataset.settled || !nodes.length) return null;
    const from = box.getBoundingClientRect(), room = [from.left + box.clientLeft, from.top + box.clientTop];
    const of = (some) => {
        const all = some.map((one) => one.querySelector("rect").getBoundingClientRect());
        return {left: Math.min(...all.map((one) => one.left)) - room[0],
            right: Math.max(...all.map((one) => one.right)) - room[0],
            top: Math.min(...all.map((one) => one.top)) - room[1],
            bottom: Math.max(...all.map((one) => one.bottom)) - room[1]} };
    const letters = Math.min(...nodes.map((one) => parseFloat(getComputedStyle(one.querySelector("text")).fontSize)));
    return {
        letters: letters * drawn.getBoundingClientRect().width / drawn.viewBox.baseVal.width,
        nodes: of(nodes),
        chosen: chosen ? of(nodes.filter((one) => one.querySelector("text").textContent.startsWith(chosen))) : null,
        width: box.clientWidth, height: box.clientHeight, count: nodes.length,
    };
}"""


@pytest.fixture(scope="module")
def tall(copied: Callable[[Path], App], tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A project of which 30 assets read the same, and its app."""
    app = copied(tmp_path_factory.mktemp("tall") / "tall")
    (app.folder / "pipeline.py").write_text(TALL)
    (app.folder / "data").mkdir()
    (app.folder / "data" / "raw.json").write_text("[1]")
    app.penstock("materialize")
    app.start("ui", "--no-browser")
    yield app
    app.stop()


def stands(here: Visit, chosen: str = "") -> dict[str, Any]:
    """Where the graph lies in its box, once it has come to rest: letters, all its nodes, and the chosen one."""
    graph = here.page.locator(".graph .box")
    graph.wait_for()
    here.drawn()
    found, before = graph.evaluate(_STANDS, chosen), None
    while found is None or found != before:
        here.page.wait_for_timeout(300)
        found, before = graph.evaluate(_STANDS, chosen), found
    return found


def drag(page: Page, x: float, y: float, by: tuple[float, float]) -> None:
    """Drag from a place in the box of the graph."""
    box = page.locator(".graph .box").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    page.mouse.move(box["x"] + x + by[0], box["y"] + y + by[1], steps=8)
    page.mouse.up()
    page.wait_for_timeout(500)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("width", "view", "chosen", "whole"),
    [
        (1280, "assets", "", True),
        (1280, "assets?asset=index", "index", False),
        (1280, "lineage?version=embedder@1", "embedder@1", True),
        (390, "assets", "", False),
        (390, "assets?asset=index", "index", False),
        (390, "assets?asset=handbook_docs&q=handbook_docs", "handbook_docs", True),
        (390, "lineage?version=embedder@1", "embedder@1", False),
    ],
)
def test_a_graph_can_be_read_and_says_what_is_not_seen_of_it(
    rag_docs: App, visit: Open, *, width: int, view: str, chosen: str, whole: bool, dark: bool
) -> None:
    """Its letters are large enough, its box is not empty, the chosen node is in sight; more of it is told and dragged
    into sight, also by a node, which is no click."""
    here = visit(width, dark=dark)
    page = here.open(f"{rag_docs.address}/{view}")
    found = stands(here, chosen)
    here.look(f"graph-{width}-{view.partition('?')[0]}-{chosen or 'all'}{'-dark' if dark else ''}")
    assert found["letters"] >= READABLE
    nodes = found["nodes"]
    assert nodes["top"] >= 0
    assert nodes["bottom"] <= found["height"]
    if chosen:
        at = found["chosen"]
        assert 0 <= at["left"] < at["right"] <= found["width"]
        assert 0 <= at["top"] < at["bottom"] <= found["height"]
    assert (nodes["left"] >= 0 and nodes["right"] <= found["width"]) == whole
    if whole:
        expect(page.get_by_text(BEYOND)).to_be_hidden()
        return
    expect(page.get_by_text(BEYOND)).to_be_visible()
    assert nodes["bottom"] - nodes["top"] > found["height"] / 3
    address, (x, y) = page.url, (found["width"] / 2, found["height"] / 2)
    if chosen:
        x, y = (at["left"] + at["right"]) / 2, (at["top"] + at["bottom"]) / 2
    by = 90 if nodes["left"] < -90 else -90  # to where there is more of it
    drag(page, x, y, (by, 0))
    moved = stands(here, chosen)
    assert moved["nodes"]["left"] == pytest.approx(nodes["left"] + by, abs=12)
    assert moved["nodes"]["right"] - moved["nodes"]["left"] == pytest.approx(nodes["right"] - nodes["left"], abs=1)
    assert page.url == address


@pytest.mark.parametrize("width", [1280, 390])
def test_of_a_tall_graph_the_chosen_node_is_in_sight(tall: App, visit: Open, width: int) -> None:
    """Its box is no higher than a page, and is scrolled; its letters can be read."""
    here = visit(width)
    page = here.open(f"{tall.address}/assets?asset=part_25")
    found = stands(here, "part_25")
    here.look(f"graph-tall-{width}")
    assert found["letters"] >= READABLE
    assert found["height"] <= 560 < found["nodes"]["bottom"] - found["nodes"]["top"]
    assert 0 <= found["chosen"]["left"] < found["chosen"]["right"] <= found["width"]
    assert 0 <= found["chosen"]["top"] < found["chosen"]["bottom"] <= found["height"]
    expect(page.get_by_text(BEYOND)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_another_graph_takes_the_place_of_one_in_the_same_box(tall: App, visit: Open, width: int) -> None:
    """It is fitted into its box, as if it had been opened; nothing is loaded again."""
    here = visit(width)
    page = here.open(f"{tall.address}/assets")
    assert stands(here)["count"] == 31
    graph = page.locator(".graph .box")
    graph.evaluate("box => { box.kept = true }")
    seen: list[tuple[str, dict[str, Any]]] = []
    for sought, count in (("part_0", 10), ("part_02", 1), ("part_", 28), ("pair", 2), ("part_02", 1)):
        page.get_by_label("Look for").fill(sought)
        page.get_by_label("Look for").press("Enter")
        expect(page.get_by_text(f"{count} of 30 assets")).to_be_visible()
        found = stands(here)
        while found["count"] != count + 1:
            found = stands(here)
        seen.append((page.url, found))
        assert found["nodes"]["left"] >= 0
        assert found["nodes"]["right"] <= found["width"]
    assert graph.evaluate("box => box.kept")
    for address, found in seen:
        here.open(address)
        again = stands(here)
        assert again["letters"] >= READABLE
        assert again["letters"] == pytest.approx(found["letters"], abs=0.1)
        assert (again["width"], again["height"]) == (found["width"], found["height"])
        if found["height"] < 500:
            assert again["nodes"] == pytest.approx(found["nodes"], abs=2)
    here.look(f"graph-small-{width}")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_node_that_is_chosen_comes_into_sight(rag_docs: App, visit: Open, width: int) -> None:
    """From a place to which the graph had been dragged, it lies where it lies when its address is opened."""
    here = visit(width)
    page = here.open(f"{rag_docs.address}/assets?asset=index")
    drag(page, 200, stands(here)["height"] / 2, (250, 0))
    wanted = stands(here, "vectors")["chosen"]
    box = page.locator(".graph .box").bounding_box()
    assert box is not None
    page.mouse.click(
        box["x"] + (wanted["left"] + wanted["right"]) / 2, box["y"] + (wanted["top"] + wanted["bottom"]) / 2
    )
    expect(page.get_by_role("heading", name="vectors")).to_be_visible()
    page.wait_for_timeout(2500)
    found = stands(here, "vectors")["chosen"]
    page.reload()
    assert stands(here, "vectors")["chosen"] == pytest.approx(found, abs=3)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_graph_is_seen_from_closer_and_from_farther_away(rag_docs: App, visit: Open, width: int) -> None:
    """By buttons, and by a wheel with Ctrl; its box keeps its height, and without Ctrl the wheel is the page's."""
    here = visit(width)
    page = here.open(f"{rag_docs.address}/assets?asset=index")
    before = stands(here, "index")
    page.get_by_role("button", name="All of it").click()
    whole = stands(here, "index")
    assert 0 <= whole["nodes"]["left"] < whole["nodes"]["right"] <= whole["width"]
    assert whole["height"] == before["height"]
    expect(page.get_by_text(BEYOND)).to_be_hidden()
    here.look(f"graph-whole-{width}")
    page.get_by_role("button", name="Closer").click()
    closer = stands(here, "index")
    assert closer["letters"] == pytest.approx(1.25 * whole["letters"], rel=0.01)
    expect(page.get_by_text(BEYOND)).to_be_visible()
    page.get_by_role("button", name="Farther").click()
    assert stands(here, "index")["letters"] == pytest.approx(whole["letters"], rel=0.01)
    page.locator(".graph .box").hover()
    page.mouse.wheel(0, -60)
    assert stands(here, "index")["letters"] == pytest.approx(whole["letters"], rel=0.01)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -60)
    page.keyboard.up("Control")
    assert stands(here, "index")["letters"] == pytest.approx(1.22 * whole["letters"], rel=0.01)


def test_a_node_is_chosen_by_the_keyboard(rag_docs: App, visit: Open) -> None:
    """One step of the tabulator leads into the graph, arrows from node to node, and Enter chooses; the focus stays."""
    here = visit()
    page = here.open(f"{rag_docs.address}/assets?asset=index")
    stands(here, "index")
    reached = page.locator(".graph .node[tabindex='0']")
    expect(reached).to_have_count(1)
    expect(reached).to_have_attribute("data-id", "index")
    reached.focus()
    names = page.locator(".graph .node").evaluate_all("all => all.map((one) => one.dataset.id)")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    beside = names[(names.index("index") + 1) % len(names)]
    expect(page.get_by_role("heading", name=beside)).to_be_visible()
    stands(here, beside)
    expect(page.locator(f".graph .node[data-id={beside}]")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    expect(page.get_by_role("heading", name="index")).to_be_visible()
