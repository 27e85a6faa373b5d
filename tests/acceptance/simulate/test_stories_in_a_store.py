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
FIRST = {
    "s0": S0,
    "both": S0 & S1,
    "either": S0 | S1,
    "counted": S0.count(2) | S1,
    "narrowed": S0.where(meta("rows") > 5) | S1,
    "updated": S0.updated(),
    "removed": S0.removed() | S1,
    "tick": HOURLY,
    "tick and news": HOURLY & S0,
    "tick or news": Cron("30 */2 * * *", catchup="all") | (S0 & S1),
    "since": HOURLY & S0.since(HOURLY),
    "settled": (S0 | S1).settle("3m", max_wait="30m"),
    "stale": S0 | stale("5h"),
    "fresh": S0 & S1.fresh("2h"),
    "pattern": Dataset.match("s*.json"),
}
LATER = {
    "a": A,
    "a and source": A & S0,
    "a or source": A | S1,
    "two": n_of(2, A, S0, S1),
    "within": all_of(A, S1, within="1h"),
    "aligned": all_of(A, S0, aligned=True),
    "each tick": A | Every("45m", catchup=2),
}
MODES = {"batch": Consume.BATCH, "branch": Consume.BRANCH, "latest": Consume.LATEST}
LAST = {"diamond": all_of(A, B, aligned=True), "chain": A & B, "each": B}
gaps = st.sampled_from(["+0s", "+1s", "+2m", "+20m", "+50m"])
news = st.tuples(
    st.sampled_from(["s0.json", "s0.json", "s1.json"]),
    st.sampled_from(["changed rows=9", "changed rows=1", "changed", "changed version=same", "confirmed", "removed"]),
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
lines = st.lists(st.tuples(gaps, news | news | acts | commands), min_size=1, max_size=12)


@st.composite
def pipelines(draw: st.DrawFn, declare: Any) -> list[Any]:
    """Three assets over two sources and each other."""

    def declared(name: str, forms: dict[str, Any]) -> Any:
        form = draw(st.sampled_from(sorted(forms)))
        condition = forms[form]
        mode: Any = MODES[draw(st.sampled_from(sorted(MODES)))]
        reads = None
        if form in ("s0", "a", "each", "pattern") and draw(st.booleans()):
            mode = each(condition, on_error=draw(st.sampled_from(["stop", "skip"])))
        elif form not in ("aligned", "diamond") and draw(st.booleans()):
            reads = draw(st.sampled_from([(), ("s0",)]))
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

    return [declared("a", FIRST), declared("b", {**FIRST, **LATER}), declared("c", {**LATER, **LAST})]


_WORDS = {"pause": "", "resume": "drop", "materialize": "force"}


def written(moves: list[tuple[str, tuple[str, str]]]) -> str:
    """A script of these moves; what a command cannot take is left out."""
    said: list[str] = []
    for gap, (first, second) in moves:
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
    story = None
    for _ in range(data.draw(st.integers(1, 2))):
        assets = data.draw(pipelines(declare))
        script = written(data.draw(lines))
        begin = "2026-01-05T00:10Z wait 1s\n" if story is None else ""
        story = tell(begin + script + "\nwait 3h", *assets, after=story)
