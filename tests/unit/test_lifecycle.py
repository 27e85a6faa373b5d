"""The table of a run's states is that of the semantics, §10, and nothing else is allowed."""

from __future__ import annotations

import re

import pytest

from penstock.assets.plan.lifecycle import TRANSITIONS, allowed, diagram, require
from penstock.storage.errors import Bug
from penstock.storage.types import FINAL_STATES, RunState

SEMANTICS = {
    "new": "awaiting_approval scheduled skipped refused",
    "awaiting_approval": "scheduled success refused canceled",
    "scheduled": "queued canceled",
    "queued": "running scheduled failed canceled",
    "running": "success failed skipped deferred up_for_retry awaiting_approval canceled",
    "deferred": "queued up_for_retry failed canceled",
    "up_for_retry": "queued canceled",
    "success": "",
    "failed": "",
    "skipped": "",
    "refused": "",
    "canceled": "",
}
TOLD = {(old, new) for old, news in SEMANTICS.items() for new in news.split()}
FROM = (None, *RunState)


def test_the_table_is_that_of_the_semantics() -> None:
    """Every pair of states is allowed exactly when §10 lists it."""
    found = {(str(old or "new"), str(new)) for old in FROM for new in RunState if allowed(old, new)}
    assert found == TOLD


def test_every_state_has_its_row_in_the_semantics() -> None:
    """A word that is added to the lifecycle is added here."""
    assert set(SEMANTICS) == {"new", *map(str, RunState)}


@pytest.mark.parametrize("old", FROM)
@pytest.mark.parametrize("new", list(RunState))
def test_what_is_not_in_the_table_is_a_bug_that_names_both(old: RunState | None, new: RunState) -> None:
    """`require` gives the new state back or raises with both states and what would be possible."""
    if allowed(old, new):
        assert require(old, new) is new
        return
    with pytest.raises(Bug, match=f"from {old or 'new'} to {new}") as caught:
        require(old, new)
    possible = SEMANTICS[str(old or "new")].split() or ["nothing: it is final"]
    assert caught.value.message.endswith("it can become " + ", ".join(sorted(possible)))


def test_final_states_have_no_exit_and_all_others_have_one() -> None:
    """The final ones are the five of the semantics."""
    assert {str(state) for state in FINAL_STATES} == {"success", "failed", "skipped", "refused", "canceled"}
    assert all((state in FINAL_STATES) == (state not in TRANSITIONS) for state in RunState)


def test_every_state_can_be_reached_and_every_run_can_end() -> None:
    """From `new` there is a way to each state, and from each state one to a final one."""
    reached: set[RunState] = set()
    frontier = set(TRANSITIONS[None])
    while frontier:
        reached |= frontier
        frontier = {new for old in frontier for new in TRANSITIONS.get(old, ())} - reached
    assert reached == set(RunState)
    ending = set(FINAL_STATES)
    for _ in RunState:
        ending |= {old for old in RunState if ending & TRANSITIONS.get(old, frozenset())}
    assert ending == set(RunState)


def test_the_diagram_is_the_table() -> None:
    """Its arrows are the transitions, and one from each final state to the end."""
    first, *lines = diagram().splitlines()
    arrows = {re.fullmatch(r" {4}(\S+) --> (\S+)", line).groups() for line in lines}  # type: ignore[union-attr]
    assert first == "stateDiagram-v2"
    assert arrows == {(old.replace("new", "[*]"), new) for old, new in TOLD} | {(s, "[*]") for s in FINAL_STATES}
    assert len(lines) == len(arrows)
