"""The lineage of what was chosen: what it is, the graph around it, and all that went into it or came of it."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from .....storage.errors import UsageError
from ....read.presence import absent
from ....read.times import moment_of
from ....read.tracing import Trace, Traced, around
from ....read.versions import metadata_of, own_metadata
from ....words.makings import made_again, named, reference
from ....words.quantities import several, short_commit, short_id, size
from ...parts.address import move
from ...parts.links import link, links
from ...parts.metadata import metadata_table
from ...parts.says import empty, refused
from ...parts.text import pairs, plain, sentence
from ...parts.times import ago, exact
from ...project import ask, ask_past, project_settings, store
from ..as_of import as_of, choose_time, then
from .drawn import drawn
from .listed import listed

_LINKED = 6
"""Of how many makings of the same bytes, the newest, there are links."""
_ROOTS = 10
"""So many versions of a run are told of in full."""


def shown(version: str, run: str | None) -> None:
    """Draw it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        nothing = {"version": None, "run": None}  # what its widgets have in the address goes with them
        st.button("Another one", icon=":material/arrow_back:", type="tertiary", on_click=move, kwargs=nothing)
        to = st.text_input(
            "Ways to", key="to", bind="query-params", placeholder="another version", help="such as chunks@3", width=200
        )
        with st.popover("View", icon=":material/tune:"):
            above = st.number_input("Steps up", 0, 50, 3, key="up", bind="query-params")
            below = st.number_input("Steps down", 0, 50, 3, key="down", bind="query-params")
            choose_time()
    try:
        moment = ask(moment_of, as_of())
        found = ask_past(around, version, run=run, above=int(above), below=int(below), most=60, as_of=moment)
    except UsageError as error:
        refused(error)
        return
    if not found.lines:
        empty("This run made nothing and read nothing", "Its page says how it went: `Runs`.")
        return
    if moment is not None:
        then(moment, "what had been made by then.")
    _roots(found)
    drawn(found, version, run, to.strip(), moment)
    listed(version, run, moment)


def _roots(found: Trace) -> None:
    """What was chosen, with all that is known of it."""
    roots = found.roots
    first = roots[0]
    title = named(first) if len(roots) == 1 else f"{len(roots)} versions of {first.asset or 'a run'}"
    if found.reader is not None:
        title = f"Run {short_id(found.reader)} made nothing"
    st.header(plain(title), anchor=False)
    if found.reader is not None:
        links([("the run", "runs", {"run": found.reader})])
        st.markdown("What it had read:")
    lost = absent(store(), project_settings(), roots)  # not by `ask`, which would read all that it is asked about
    shown_of = roots[:_ROOTS]
    for one, said in zip(shown_of, metadata_of(store(), shown_of), strict=True):
        if len(roots) > 1 or found.reader is not None:
            link(f"**{plain(named(one))}**", "lineage", version=reference(one))
        st.markdown("  \n".join(_facts(one, "now" if found.as_of is None else "then")))
        links(_makers(one))
        metadata_table(own_metadata(said, rows=one.version.rows, size=one.version.size))
        if one.version.id in lost:
            st.warning(
                f"**{sentence(lost[one.version.id])}** What it came from is still "
                "known. Its asset makes it again; `penstock db check --bytes` says what else is gone.",
                icon=":material/error:",
            )


def _facts(one: Traced, when: str) -> list[str]:
    facts = [f"called {plain(one.version.token)}"] if one.version.token else []
    facts += [f"digest `{one.version.digest[:16]}`"]
    facts += [several(one.version.rows, "row")] if one.version.rows is not None else []
    facts += [size(one.version.size)] if one.version.size else []
    facts += [f"licence {plain(one.licence)}"] if one.licence else ["licence unknown"]
    newest = f"{'' if one.is_newest else 'its bytes are '}the newest of its dataset {when}"
    facts += [newest if one.is_head else f"there {'is' if when == 'now' else 'was'} a newer one"]
    lines = [" · ".join(facts)]
    made = [f"published {plain(ago(one.published_at))} ({plain(exact(one.published_at))})"] if one.published_at else []
    if one.run is None:
        made.append(
            "written by others" if one.version.held else "written by others, and observed: its bytes are not kept"
        )
    lines.append(" · ".join(made))
    if again := made_again(one):
        lines.append(plain(again))
    code = [f"commit `{short_commit(one.commit)}`"] if one.commit else []
    code += [plain(pairs(one.parameters))] if one.parameters else []
    return [*lines, " · ".join(code)] if code else lines


def _makers(one: Traced) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Links to its run, its asset and its data, and to the other times that the same bytes were made."""
    if one.run:
        yield f"run {plain(short_id(one.run))}", "runs", {"run": one.run}
    if one.asset:
        yield f"asset {plain(one.asset)}", "assets", {"asset": one.asset}
    if one.asset and one.number is not None:
        choices = {"asset": one.asset, "view": "Data", "dataset": one.version.dataset, "version": str(one.number)}
        yield "its data", "assets", choices | ({"partition": one.partition} if one.partition else {})
    for other in one.made[-_LINKED:]:
        if other.number != one.number:
            yield f"as @{other.number}", "lineage", {"version": f"{one.name}@{other.number}"}
