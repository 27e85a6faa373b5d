"""What a selection asks for, in which order it is made, and the sources that are looked at for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import Dataset, UsageError, asset, source

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""


def plainly(text: str) -> str:
    """Lower case: an edit that changes case alone is an edit that changes nothing downstream."""
    return text.lower()


def half(name: str) -> Any:
    """`a` is made of `a_raw.txt`."""
    raw = Dataset(f"{name}_raw.txt")
    return asset(f"{name}.txt", name=name, on=raw, inputs={"raw": raw}, tags=["half"], group=f"group_{name}")(lowered)


def lowered(raw: str) -> str:
    """Of a source."""
    return plainly(raw)


def joined(a: str, b: str) -> str:
    """Of both halves."""
    return f"{a} {b}"


a, b, c = half("a"), half("b"), half("c")
either = asset("either.txt", name="either", on=a | b)(joined)
both = asset("both.txt", name="both", on=a & b, tags=["pair"])(joined)
two = asset("two.txt", name="two", on=b & c, inputs={"a": b, "b": c})(joined)
last = asset("last.txt", name="last", on=both, inputs={"text": both})(plainly)
HALVES = (a, b, c)
ALL = (*HALVES, either, both, two, last)


@pytest.fixture
def made(lab: Lab) -> Lab:
    """The project, made once."""
    for name in "abc":
        lab.write(f"{name}_raw.txt", f"{name}1")
    assert lab.make(*ALL).ok
    return lab


def edit(lab: Lab, *names: str, text: str = "2") -> None:
    """Other sources."""
    for name in names:
        lab.write(f"{name}_raw.txt", f"{name}{text}")


@pytest.mark.parametrize(
    ("select", "asked"),
    [
        ("last", {"last"}),
        ("+last", {"last", "both", "a", "b"}),
        ("both+", {"both", "last"}),
        ("+both+", {"a", "b", "both", "last"}),
        ("1+last", {"both", "last"}),
        ("tag:half", {"a", "b", "c"}),
        ("group:group_a", {"a"}),
        ("tag:half,group:group_b", {"b"}),
        (["tag:pair", "group:group_c"], {"both", "c"}),
        ("*o*", {"both", "two"}),
        ((), {"a", "b", "c", "either", "both", "two", "last"}),
    ],
)
def test_a_selection_asks_for_these(made: Lab, select: Any, asked: set[str]) -> None:
    """Forced and alone, what is made is what was selected."""
    result = made.make(*ALL, select=select, force=True, only=True)
    assert {one.asset for one in result.executed} == asked
    assert result.ok


@pytest.mark.parametrize("select", ["bth", "tag:none", "tag:half,tag:pair", "+"])
def test_a_selection_of_nothing_is_wrong_use(made: Lab, select: str) -> None:
    """Nothing is made; the sentence repeats the selection."""
    with pytest.raises(UsageError) as caught:
        made.make(*ALL, select=select)
    assert repr(select) in caught.value.message


def test_a_selection_is_made_in_the_order_of_the_graph(made: Lab) -> None:
    """What is selected above is made first, so that what is selected below reads it."""
    edit(made, "a", "b")
    assert made.story(made.make(*ALL, select=["last", "a", "b", "both"], only=True))["last"].startswith("success")
    assert made.read("last.txt") == "a2 b2"


def test_news_of_a_source_reaches_what_is_asked_for_through_what_is_not(made: Lab) -> None:
    """Only the end is selected, and a source far above has changed: its news makes what waits for it due, and the end
    is made of that, not found unchanged before."""
    edit(made, "a", "b")
    result = made.make(*ALL, select="last")
    assert made.story(result)["last"] == "success: input changed: both"
    assert made.read("last.txt") == "a2 b2"


def test_an_end_that_waits_for_nothing_is_made_after_what_is_above_it(lab: Lab) -> None:
    """Asked for, without a condition of its own: it reads what this very wave makes."""
    end = asset("end.txt", name="end", inputs={"text": a})(plainly)
    lab.write("a_raw.txt", "a1")
    assert lab.make(a, end).ok
    edit(lab, "a")
    assert lab.story(lab.make(a, end, select="end")) == {
        "a": "success: input changed: a_raw",
        "end": "success: input changed: a",
    }
    assert lab.read("end.txt") == "a2"


def test_a_part_of_the_definitions_finds_everything_as_it_was(made: Lab) -> None:
    """Handed over without what makes its inputs, an asset takes them for what others write; nothing changes by that."""
    assert made.story(made.make(last)) == {"last": "skipped: unchanged"}
    assert set(made.story(made.make(*ALL)).values()) == {"skipped: unchanged"}
    assert made.events("both") == ["changed"]


# --- sources ---------------------------------------------------------------------------------------------------------


def api(lab: Lab) -> Any:
    """A source whose probe reads `probe.txt` and raises where there is none; it counts how often it was fetched."""
    log, answer = lab.folder / "log", lab.folder / "probe.txt"

    @source("api.json", probe=lambda: json.loads(answer.read_text()))
    def api() -> list[str]:
        with log.open("a") as file:
            file.write("fetched\n")
        return [answer.read_text().strip()]

    answer.write_text('{"etag": 1}')
    return api


def test_a_source_is_fetched_when_its_probe_changed(lab: Lab) -> None:
    """Not before, however often it is asked for."""
    fetched = api(lab)
    reader = asset("reader.json", name="reader", on=fetched, inputs={"texts": fetched})(_listed)
    assert lab.story(lab.make(fetched, reader)) == {"api": "success: first build", "reader": "success: first build"}
    assert lab.story(lab.make(fetched, reader)) == {"api": "skipped: unchanged", "reader": "skipped: unchanged"}
    (lab.folder / "probe.txt").write_text('{"etag":   1}')
    assert lab.story(lab.make(fetched, reader))["api"] == "skipped: unchanged"
    (lab.folder / "probe.txt").write_text('{"etag": 2}')
    assert lab.story(lab.make(fetched, reader, select="api")) == {
        "api": "success: input changed: probe",
        "reader": "success: input changed: api",
    }
    assert (lab.folder / "log").read_text() == "fetched\n" * 2


def _listed(texts: list[str]) -> list[str]:
    return texts


def test_a_probe_that_raises_holds_back_its_source_alone(lab: Lab) -> None:
    """The reason has what it raised; what is asked for downstream is held, other branches are made; then it heals."""
    fetched = api(lab)
    reader = asset("reader.json", name="reader", on=fetched, inputs={"texts": fetched})(_listed)
    lab.write("a_raw.txt", "a1")
    assert lab.make(fetched, reader, a).ok
    (lab.folder / "probe.txt").unlink()
    edit(lab, "a")
    result = lab.make(fetched, reader, a)
    assert not result.ok
    assert lab.story(result) == {
        "api": "held: upstream failed: api",
        "a": "success: input changed: a_raw",
        "reader": "held: upstream failed: api",
    }
    assert "its probe raised FileNotFoundError" in result["api"].reason.text
    assert "its probe raised FileNotFoundError" in {one.name: one.error for one in result.looked}["api"]
    (lab.folder / "probe.txt").write_text('{"etag": 1}')
    assert lab.story(lab.make(fetched, reader, a)) == {
        "a": "skipped: unchanged",
        "api": "skipped: unchanged",
        "reader": "skipped: unchanged",
    }


def test_a_source_that_news_makes_due_is_probed_too(lab: Lab) -> None:
    """It waits for `a`, nobody asked for it: its probe decides all the same; the next request finds it unchanged."""
    log = lab.folder / "log"

    @source("api.json", probe=lambda: 1, on=a)
    def fetched() -> list[int]:
        with log.open("a") as file:
            file.write("fetched\n")
        return [1]

    lab.write("a_raw.txt", "a1")
    assert lab.make(a, fetched).ok
    edit(lab, "a")
    assert lab.story(lab.make(a, fetched, select="a"))["fetched"] == "skipped: unchanged: a"
    assert lab.story(lab.make(a, fetched))["fetched"] == "skipped: unchanged"
    assert log.read_text() == "fetched\n"


def test_a_probe_that_raises_for_news_holds_back_its_source(lab: Lab) -> None:
    """Nobody asked for the source, and its probe cannot tell: it is held with the reason, and the wave goes on."""

    @source("api.json", probe=lambda: 1 / 0, on=a)
    def fetched() -> list[int]:
        return [1]

    lab.write("a_raw.txt", "a1")
    lab.write("b_raw.txt", "b1")
    result = lab.make(a, b, fetched, either, select=["a", "b"])
    assert lab.story(result)["fetched"] == "held: upstream failed: fetched"
    assert "ZeroDivisionError" in result["fetched"].reason.text
    assert lab.story(result)["either"] == "success: input changed (a, b) and first build"
