"""Whatever happens: what a real store holds after a script is what `simulate` tells of it. Random pipelines, random
scripts, definitions that change on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import Cron, Dataset, Every, all_of, n_of
from penstock.assets.declare.conditions.leaves import stale
from penstock.assets.declare.conditions.predicates import meta
from penstock.assets.declare.policies import Deadline, each
from penstock.storage.types import Consume

S0, S1, A, B = (Dataset(f"{name}.json") for name in ("s0", "s1", "a", "b"))
HOURLY = Cron("0 * * * *")


def first_of(s0: Dataset, s1: Dataset) -> dict[str, Any]:
    """Conditions over two sources, which may be one."""
    return {
        "s0": s0,
        "both": s0 & s1,
        "either": s0 | s1,
        "counted": s0.count(2) | s1,
        "narrowed": s0.where(meta("rows") > 5) | s1,
        "some": n_of(2, s0.where(meta("rows") > 5), s1.count(2), s1.where(meta("rows") > 0)),
        "updated": s0.updated(),
        "removed": s0.removed() | s1,
        "removed near": all_of(s0.removed() | s0, s1.updated(), within="15m"),
        "tick": HOURLY,
        "tick and news": HOURLY & s0,
        "tick or news": Cron("30 */2 * * *", catchup="all") | (s0 & s1),
        "since": HOURLY & s0.since(HOURLY),
        "settled": (s0 | s1).settle("3m", max_wait="30m"),
        "stale": s0 | stale("5h"),
        "fresh": s0 & s1.fresh("2h"),
        "pattern": Dataset.match("s*.json"),
    }


def later_of(s0: Dataset, s1: Dataset) -> dict[str, Any]:
    """Conditions over these and an asset."""
    return {
        "a": A,
        "a and source": A & s0,
        "a or source": A | s1,
        "two": n_of(2, A, s0, s1),
        "within": all_of(A, s1, within="1h"),
        "aligned": all_of(A, s0, aligned=True),
        "aligned and settled": all_of(A, s0, aligned=True).settle("3m", max_wait="30m"),
        "each tick": A | Every("45m", catchup=2),
    }


FIRST, LATER = first_of(S0, S1), later_of(S0, S1)
MODES = {"batch": Consume.BATCH, "branch": Consume.BRANCH, "latest": Consume.LATEST}
LAST = {"diamond": all_of(A, B, aligned=True), "chain": A & B, "each": B}
gaps = st.sampled_from(["+0s", "+1s", "+2m", "+20m", "+50m"])
news = st.tuples(
    st.sampled_from(["s0.json", "s0.json", "s1.json"]),
    st.sampled_from(["changed rows=9", "changed rows=1", "changed", "changed version=same", "confirmed", "removed"]),
)
bursts = st.tuples(st.sampled_from(["s0.json", "s1.json"]), st.sampled_from(["changed", "changed version=same"])).map(
    lambda said: (said[0], f"{said[1]}\n{said[0]} confirmed")  # before any pass
)
acts = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(
        ["fails", "cancelled", "unchanged", "skipped", "breaks", "works", "takes 10m", "takes 90m", "gives rows=9"]
    ),
)
commands = st.tuples(
    st.sampled_from(["pause", "resume", "materialize"]),
    st.sampled_from(["a", "b", "c", "a drop", "b drop", "c force"]),
)
planners = st.sampled_from([("scheduler", "stops"), ("scheduler", "starts"), ("scheduler", "starts")])
lines = st.lists(st.tuples(gaps, news | news | bursts | acts | commands | planners), min_size=1, max_size=12)
ALIASES: dict[str, tuple[Dataset, dict[str, list[str]]]] = {
    "": (S0, {}),
    "joined": (S1, {"s1.json": ["s0.json"]}),
    "moved": (Dataset("moved.json"), {"moved.json": ["s0.json"]}),
}
"""What has become of the first source: nothing, it is the second one, it is another one."""


@st.composite
def pipelines(draw: st.DrawFn, declare: Any, source: Dataset = S0) -> list[Any]:
    """Three assets over two sources and each other; `source` is the first one."""
    first, later = (FIRST, LATER) if source is S0 else (first_of(source, S1), later_of(source, S1))

    def declared(name: str, forms: dict[str, Any]) -> Any:
        form = draw(st.sampled_from(sorted(forms)))
        condition = forms[form]
        mode: Any = MODES[draw(st.sampled_from(sorted(MODES)))]
        reads = None
        if form in ("s0", "a", "each", "pattern") and draw(st.booleans()):
            mode = each(condition, on_error=draw(st.sampled_from(["stop", "skip"])))
        elif form not in ("aligned", "aligned and settled", "diamond") and draw(st.booleans()):
            reads = draw(st.sampled_from([(), (source.uri.removesuffix(".json"),)]))
        return declare(
            name,
            condition,
            reads=reads if form != "pattern" else (),
            consume=mode,
            max_active_runs=draw(st.sampled_from([1, 1, 2])),
            pause_after=draw(st.sampled_from([None, None, 2])),
            on_resume=draw(st.sampled_from(["batch", "batch", "drop"])),
            on_register=draw(st.sampled_from(["wait", "build"])),
            pure=draw(st.booleans()),
            deadline=Deadline(HOURLY, then=draw(st.sampled_from(["alert", "run", "skip"])))
            if draw(st.integers(0, 4)) == 0
            else None,
        )

    return [declared("a", first), declared("b", {**first, **later}), declared("c", {**later, **LAST})]


_WORDS = {"pause": "", "resume": "drop", "materialize": "force"}


def written(moves: list[tuple[str, tuple[str, str]]]) -> str:
    """A script of these moves; what a command cannot take is left out. Somebody asks for an asset at a moment of its
    own: which comes first at one moment, that or news, says nothing."""
    said: list[str] = []
    alone = False
    for between, (first, second) in moves:
        gap = "+1s" if between == "+0s" and (alone or first == "materialize") else between
        alone = first == "materialize"
        name, _, word = second.partition(" ")
        known = first not in _WORDS or word == _WORDS[first]
        said.append(f"{gap} {first} {second if known else name}")
    return "\n".join(said)


@pytest.mark.parametrize("tell", ["sqlite", "postgresql"], indirect=True)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_store_holds_what_is_simulated(declare: Any, tell: Any, data: st.DataObject) -> None:
    """Runs, reasons, states, what each took and read, confirmations, missed deadlines, events, and why the rest waits:
    all of it is alike, also after the definitions have changed."""
    story, source, aliases = None, S0, dict[str, list[str]]()
    for chapter in range(data.draw(st.integers(1, 3))):
        if chapter and source is S0:
            source, aliases = ALIASES[data.draw(st.sampled_from(sorted(ALIASES)))]
        assets = data.draw(pipelines(declare, source))
        script = written(data.draw(lines))
        begin = "2026-01-05T00:10Z wait 1s\n" if story is None else ""
        story = tell(begin + script + "\nwait 3h", *assets, after=story, aliases=aliases)
