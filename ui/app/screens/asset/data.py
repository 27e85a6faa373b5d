"""The data of an asset: the newest version of what it writes, its columns and its first rows; and older versions."""

from __future__ import annotations

import streamlit as st

from .....storage.errors import PenstockError, StorageFault
from ....cli.quantities import count, short, size
from ....read.sample import Sample, sample
from ....read.versions import Publication, versions
from ...parts.links import go
from ...parts.live import live
from ...parts.says import empty
from ...parts.tables import chosen_of, table
from ...parts.text import pairs, plain, visible
from ...parts.times import ago, exact
from ...project import ask, project_settings

_PAGE = 20
_MEASURED = ("rows", "size", "files")


@live(every=5)
def history(datasets: list[str]) -> None:
    """What was published of them, newest first, a page at a time; asked again every few seconds."""
    dataset = _one_of(datasets)
    before = st.session_state.get(f"versions-{dataset}")
    found = ask(versions, dataset, limit=_PAGE, before=before).page
    if not found.items and before is None:
        empty("No version yet", "It is made when its condition holds, or when you ask for it above.")
        return
    rows = [_row(one) for one in found.items]
    if not any(row["metadata"] for row in rows):
        rows = [{title: cell for title, cell in row.items() if title != "metadata"} for row in rows]
    place = chosen_of(rows, key=f"history-{before}")
    if place is not None:
        go("lineage", version=f"{dataset}@{found.items[place].number}")
    st.caption("Click a version to follow its lineage.")
    _turn(f"versions-{dataset}", before, found.items[-1].number if found.more else None)


def data(datasets: list[str]) -> None:
    """The columns and the first rows of the newest version."""
    dataset = _one_of(datasets)
    found = ask(versions, dataset, limit=_PAGE).page
    newest = next((one for one in found.items if one.version_id is not None), None)
    if newest is None or newest.version_id is None:
        empty("No data yet", "It is made when its condition holds, or when you ask for it above.")
        return
    name = f"{newest.dataset} {newest.partition}".rstrip()
    facts = [f"{name}@{newest.number}", short(newest.digest), size(newest.size)]
    facts += [f"{count(newest.rows)} rows"] if newest.rows is not None else []
    st.caption(plain(" · ".join(facts)) + f" · published {plain(ago(newest.at))}", help=plain(exact(newest.at)))
    if said := metadata(newest):
        st.caption(plain(said))
    try:
        with st.spinner("Reading the first rows …"):
            _show(ask(sample, project_settings(), newest.version_id))
    except StorageFault as error:
        st.warning(f"**The data of this version cannot be read.** {plain(error)}", icon=":material/error:")
        st.markdown(plain(error.hint) or "`penstock db check --bytes` says what else is gone.")
    except PenstockError as error:
        st.info(plain(error), icon=":material/info:")


def metadata(one: Publication) -> str:
    """What its producer said of a version, in a line; without what each version has a column for."""
    return pairs({name: value for name, value in one.metadata.items() if name not in _MEASURED})


def _show(found: Sample) -> None:
    if found.frame is not None:
        table(found.frame)
        st.caption(f"The first {found.frame.height} rows.")
    if found.text is not None:
        st.code(visible(found.text), language=None, height=360, wrap_lines=True)
        st.caption("Its beginning." if found.cut else "All of it.")
    if found.files:
        table([{"file": visible(name), "size": size(many)} for name, many in found.files])
        st.caption(f"{len(found.files)} of {count(found.files_count)} files.")
    if found.said:
        st.markdown(plain(found.said))
    if found.columns:
        with st.expander(f"Schema: {len(found.columns)} columns"):
            table([{"column": visible(name), "type": visible(kind)} for name, kind in found.columns])


def _row(one: Publication) -> dict[str, object]:
    return {
        "version": visible(f"@{one.number} {one.partition}".rstrip()),
        "what": one.kind.value,
        "published": ago(one.at),
        "rows": one.rows,
        "size": size(one.size),
        "digest": short(one.digest),
        "metadata": visible(metadata(one)),
    }


def _one_of(datasets: list[str]) -> str:
    if len(datasets) == 1:
        return datasets[0]
    return str(st.selectbox("Dataset", datasets, key="dataset", bind="query-params", format_func=visible))


def _turn(key: str, before: int | None, following: int | None) -> None:
    """Buttons to the newest page, and to the one behind."""
    if before is None and following is None:
        return
    with st.container(horizontal=True):
        if before is not None and st.button("Newest", icon=":material/first_page:", key=f"{key}-newest"):
            st.session_state[key] = None
            st.rerun()
        if following is not None and st.button("Older", icon=":material/chevron_right:", key=f"{key}-older"):
            st.session_state[key] = following
            st.rerun()
