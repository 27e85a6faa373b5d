"""One run in full: how it stands and why, its error, its log, its attempts, what it read, took, made and told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import streamlit as st

from .....storage.errors import UsageError
from .....storage.types import FINAL_STATES, RunState
from ....read.failures import Failure
from ....read.run import Attempt, Code, LineageEvent, RunDetail, run
from ....read.runs import RunLine
from ....read.versions import own_metadata
from ....words.quantities import called, count, short_commit, size
from ...parts.address import move
from ...parts.links import go, links
from ...parts.live import live
from ...parts.metadata import metadata_table
from ...parts.says import refused
from ...parts.states import badge, word
from ...parts.tables import chosen_of, table
from ...parts.text import pairs, plain, told, visible
from ...parts.times import ago, exact, took
from ...project import ask, project_settings
from ..asked import outcome
from .asking import buttons
from .log import log


def one(run_id: str) -> None:
    """Draw it, again every second until it has ended."""
    st.button("All runs", icon=":material/arrow_back:", type="tertiary", on_click=move, kwargs={"run": None})
    try:
        found = _asked(run_id)
    except UsageError as error:
        refused(error, "It may be of another project.")
        return
    ended = found.run.ended_at is not None
    st.header(plain(f"{found.run.asset} {found.run.partition}".rstrip()), anchor=False)
    outcome(found.run.id)
    live(every=None if ended else 1)(_drawn)(found.run.id, ended=ended)


def _asked(run_id: str) -> RunDetail:
    return ask(run, run_id, pools=project_settings().values.pools)


def _drawn(run_id: str, *, ended: bool) -> None:
    detail = _asked(run_id)
    if not ended and detail.run.ended_at is not None:
        st.rerun()  # nothing is asked again from now on
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_headline(detail))
        buttons(detail)
    links(_around(detail.run))
    st.markdown("  \n".join(_facts(detail)))
    if detail.run.error is not None and detail.run.state is RunState.CANCELED:
        st.info(f"**It was canceled.** {plain(detail.run.error.text)}", icon=":material/cancel:")
    elif detail.run.error is not None:
        _failure(detail.run.error)
    _progress(detail)
    if detail.attempts or not ended:
        st.subheader("Log", anchor=False)
        log(detail)
    _tables(detail)
    if detail.lineage:
        with st.expander(f"OpenLineage events: {len(detail.lineage)}", icon=":material/outbox:"):
            _lineage(detail.lineage)


def _headline(detail: RunDetail) -> str:
    line = detail.run
    state = "left behind" if line.left_behind and line.state not in FINAL_STATES else line.state
    return f"{badge(state)} {plain(line.reason.text)}"


def _around(line: RunLine) -> Iterator[tuple[str, str, dict[str, str]]]:
    yield f"asset {plain(line.asset)}", "assets", {"asset": line.asset}
    yield "its lineage", "lineage", {"run": line.id}
    if line.backfill_id is not None:
        yield "its backfill", "runs", {"backfill": line.backfill_id}


def _facts(detail: RunDetail) -> list[str]:
    line = detail.run
    times = [f"planned {plain(ago(line.created_at))} ({plain(exact(line.created_at))})"]
    times += [f"began {plain(exact(line.started_at))}"] if line.started_at is not None else []
    times += [f"ended {plain(exact(line.ended_at))}"] if line.ended_at is not None else []
    times += [f"took {plain(took(line.took.total_seconds()))}"] if line.took is not None else []
    facts = [" · ".join(times)]
    if line.told:
        facts.append(f"Its producer: {plain(line.told)}")
    if detail.retry_at is not None:
        facts.append(f"It is tried again {plain(ago(detail.retry_at))}, at {plain(exact(detail.retry_at))}.")
    if detail.waits_for is not None:
        facts.append(f"It is held: {plain(detail.waits_for.text)}.")
    elif line.started_at is None and line.ended_at is None:
        facts.append("It waits for a worker: `penstock up` has them.")
    if any(detail.nominal):
        facts.append("It covers " + " to ".join(plain(exact(one)) for one in detail.nominal if one is not None) + ".")
    if detail.parameters:
        facts.append(f"Parameters: {plain(pairs(detail.parameters))}")
    if detail.code is not None and detail.code.commit:
        facts.append(f"Code: {plain(_code(detail.code))}")
    facts.append(f":small[Run {line.id}]")
    return facts


def _code(code: Code) -> str:
    place = f" of {code.repository}" if code.repository else ""
    return f"{code.path} at commit {short_commit(code.commit)}{place}"


def _failure(error: Failure) -> None:
    # What a producer raised is shown as it is; where there is no trace, penstock explains itself.
    said = f"**{plain(error.text) if error.trace else told(error.text)}**"
    said += f"  \n{told(error.hint)}" if error.hint else ""
    said += f"  \nNot tried again: {told(error.gave_up)}." if error.gave_up else ""
    st.error(said, icon=":material/error:")
    if error.trace:
        with st.expander("Where it was raised", icon=":material/code:"):
            st.code(visible(error.trace), language=None, wrap_lines=True)


def _progress(detail: RunDetail) -> None:
    found = detail.progress
    if found is None:
        return
    of = f" of {found.total:,.0f}" if found.total else ""
    said = f"{found.done:,.0f}{of} {found.unit} {found.text}".strip()
    st.progress(min(1.0, max(0.0, found.done / found.total)) if found.total else 0.0, text=plain(said))


def _tables(detail: RunDetail) -> None:
    made = [
        {
            "dataset": visible(f"{detail.called(one)} {one.partition}".rstrip()),
            "version": visible(f"@{one.number} {called(one.digest, one.token)}".rstrip()),
            "what": one.kind.value,
            "rows": count(one.rows),
            "size": size(one.size),
        }
        for one in detail.published
    ]
    made += [
        {"dataset": visible(name), "version": "left out", "what": visible(why), "rows": "", "size": ""}
        for name, why in detail.run.left_out.items()
    ]
    versions = [detail.reference(one) if one.version_id else "" for one in detail.published]
    _table("Made", made, versions + [""] * len(detail.run.left_out))
    for one in detail.published:
        said = own_metadata(one.metadata, rows=one.rows, size=one.size)
        if said and len(detail.published) > 1:
            st.markdown(f"**{plain(one.dataset)}**")
        metadata_table(said)
    _table(
        "Read",
        [
            {
                "parameter": visible(one.parameter),
                "dataset": visible(f"{detail.called(one)} {one.partition}".rstrip()),
                "version": visible(f"@{one.number} {called(one.digest, one.token)}".rstrip()),
            }
            for one in detail.pins
        ],
        [detail.reference(one) for one in detail.pins],
    )
    taken = [
        {"what": visible(f"{one.dataset}@{one.number}"), "kind": one.kind.value, "when": exact(one.at)}
        | {"outcome": _outcome(one.outcome.value)}
        for one in detail.consumed
    ]
    taken += [
        {"what": visible(label), "kind": "tick", "when": exact(at), "outcome": ""} for label, at in detail.ticks.items()
    ]
    _table("Caused by", taken)
    _table("Attempts", [_attempt(one) for one in detail.attempts])


def _outcome(outcome_of: str) -> str:
    return {"run": "taken by this run", "returned": "returned: pending again"}.get(outcome_of, word(outcome_of))


def _attempt(one: Attempt) -> dict[str, object]:
    how = f" (signal {one.signal})" if one.signal is not None else ""
    how = f" (exit code {one.exit_code})" if one.exit_code is not None else how
    return {
        "attempt": str(one.number),
        "outcome": "running" if one.outcome is None else word(one.outcome.value),
        "began": exact(one.started_at),
        "took": "" if one.took is None else took(one.took.total_seconds()),
        "error": "" if one.error is None else visible(one.error.first_line) + how,
        "worker": visible(one.worker),
    }


def _table(title: str, rows: Sequence[Mapping[str, object]], versions: Sequence[str] = ()) -> None:
    """The rows; a click on one leads to the lineage of its version, if it has one."""
    if not rows:
        return
    st.subheader(title, anchor=False)
    if any(versions):
        chosen_of(rows, versions, _follow, key=f"run-{title}")
        st.caption("Click one to follow its lineage.")
    else:
        table(rows)


def _follow(version: str) -> None:
    go("lineage", version=version)


def _lineage(events: tuple[LineageEvent, ...]) -> None:
    for event in events:
        ways = [f"{one.destination.partition('/')[2]}: {one.state.value}" for one in event.sent]
        where = plain(", ".join(ways)) if ways else "kept here; the settings name no destination"
        st.markdown(f"**{plain(event.kind)}** {plain(exact(event.at))} · {where}")
        for one in event.sent:
            if one.error:
                st.caption(plain(one.error))
        st.code(visible(json.dumps(event.body, indent=1, ensure_ascii=False)), language="json", height=220)
