"""The data of an asset: a version of what it writes, its columns and its first rows; and all versions of it."""

from __future__ import annotations

import polars as pl
import streamlit as st

from .....storage.errors import PenstockError, StorageFault
from ....read.sample import Sample, sample
from ....read.versions import Publication, numbered, own_metadata, versions
from ....words.quantities import called, count, several, size
from ...parts.address import choose, chosen
from ...parts.filters import told_astray
from ...parts.links import go, link
from ...parts.live import live
from ...parts.metadata import in_short, metadata_table
from ...parts.pages import turned
from ...parts.says import empty
from ...parts.tables import chosen_of, table
from ...parts.text import plain, visible
from ...parts.times import ago, exact
from ...project import ask, project_settings

_PAGE = 20
_SHORT, _LINES = 1_000, 15
"""A text of less characters and lines is shown in a box of its size."""


def history(datasets: list[str]) -> None:
    """What was published of one of them, newest first, a page at a time; asked again every few seconds."""
    _history(_one_of(datasets))


@live(every=5)
def _history(dataset: str) -> None:
    before = _before()
    found = ask(versions, dataset, limit=_PAGE, before=before).page
    if not found.items and before is None:
        empty("No version yet", "It is made when its condition holds, or when you ask for it above.")
        return
    if not found.items:
        empty("There are no older ones", "Go back to the newest ones.")
        turned(str(before), None, choose)
        return
    chosen_of(
        [_row(one) for one in found.items],
        [f"{dataset}@{one.number}" for one in found.items],
        lambda version: go("lineage", version=version),
        key="history",
    )
    st.caption("Click a version to follow its lineage.")
    following = str(found.items[-1].number) if found.more else None
    turned(None if before is None else str(before), following, choose)


def _before() -> int | None:
    """The number before which the page begins that the address names."""
    said = chosen("before")
    if said and not _is_number(said):
        st.warning(
            f"**The address asks for the versions before {plain(said)}, which is no number: these are the newest.**",
            icon=":material/history:",
        )
        return None
    return int(said) if said else None


def data(datasets: list[str], *, divided: bool) -> None:
    """The columns and the first rows of the version that the address names, the newest without."""
    dataset = _one_of(datasets)
    one = _chosen(dataset, divided=divided)
    if one is None or one.version_id is None:
        return
    facts = [called(one.digest, one.token), *([size(one.size)] if one.size is not None else [])]
    facts += [several(one.rows, "row")] if one.rows is not None else []
    facts += [f"published {ago(one.at)}"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(plain(" · ".join(facts)), help=plain(exact(one.at)), width="content")
        link("Its lineage", "lineage", version=f"{dataset}@{one.number}")
    try:
        with st.spinner("Reading the first rows …"):
            _show(ask(sample, project_settings(), one.version_id))
    except StorageFault as error:
        st.warning(f"**The data of this version cannot be read.** {plain(error.message)}", icon=":material/error:")
        st.markdown(plain(error.hint) or "`penstock db check --bytes` says what else is gone.")
    except PenstockError as error:
        st.info(plain(error), icon=":material/info:")
    metadata_table(_said(one))


def _chosen(dataset: str, *, divided: bool) -> Publication | None:
    """The version that is to be seen; None, which is said, where there is none."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = _key(dataset) if divided else None
        found = ask(versions, dataset, partition=key, limit=_PAGE).page
        there = {str(one.number): one for one in found.items if one.version_id is not None}
        wanted = chosen("version")
        if _is_number(wanted) and wanted not in there and (one := ask(numbered, dataset, int(wanted))) is not None:
            there |= {wanted: one} if key in (None, one.partition) else {}
        if not there:
            if key is None:
                empty("No data yet", "It is made when its condition holds, or when you ask for it above.")
            else:
                empty(f"Nothing was made of {plain(key)}", "Name another partition, or leave it empty for the newest.")
            return None
        numbers = sorted(there, key=int, reverse=True)
        first = wanted if wanted in there else numbers[0]
        picked = st.selectbox(
            "Version",
            numbers,
            index=numbers.index(first),
            key=f"version-of-{dataset}-{key}",
            format_func=lambda number: _named(there[number], divided=divided),
            help=f"The newest {_PAGE}. An older one: click it under *Versions*, then *its data*."
            if found.more
            else None,
        )
    if wanted and wanted not in there:
        of = f" of {plain(key)}" if key else ""
        st.warning(
            f"**{plain(dataset)} has no version {plain(wanted)}{of}: this is the newest.** *Versions* has them all.",
            icon=":material/history:",
        )
    if picked != first:
        choose(version=None if picked == numbers[0] else picked)
    return there[picked]


def _is_number(said: str) -> bool:
    """Whether it can be the number of a version: no database counts to more digits."""
    return said.isascii() and said.isdecimal() and len(said) < 10


def _key(dataset: str) -> str | None:
    """The partition that the address names; None for any."""
    key = st.text_input(
        "Partition", chosen("partition"), key=f"partition-of-{dataset}", placeholder="the newest", width=220
    ).strip()
    if key != chosen("partition"):
        choose(partition=key, version=None)
    return key or None


def _named(one: Publication, *, divided: bool) -> str:
    of = f" {one.partition}" if divided else ""
    return visible(f"@{one.number}{of}, {ago(one.at)}")


def _show(found: Sample) -> None:
    if found.frame is not None:
        table(_readable(found.frame))
        many = found.frame.height
        st.caption("It has no rows." if not many else "The first row." if many == 1 else f"The first {many} rows.")
    if found.text is not None:
        short_one = len(found.text) < _SHORT and found.text.count("\n") < _LINES
        st.code(visible(found.text), language=None, height="content" if short_one else 360, wrap_lines=True)
        st.caption("Its beginning." if found.cut else "All of it.")
    if found.files:
        table([{"file": visible(name), "size": size(many)} for name, many in found.files])
        st.caption(f"{len(found.files)} of {several(found.files_count, 'file')}.")
    if found.said:
        st.markdown(plain(found.said))
    if found.columns:
        with st.expander(f"Schema: {several(len(found.columns), 'column')}"):
            table([{"column": visible(name), "type": visible(kind)} for name, kind in found.columns])


def _readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts and titles as `visible` has them; titles that would be one title stay as they are."""
    titles = [visible(one) for one in frame.columns]
    if len(set(titles)) == len(titles):
        frame = frame.rename(dict(zip(frame.columns, titles, strict=True)))
    return frame.with_columns(pl.selectors.string().map_elements(visible, return_dtype=pl.String))


def _row(one: Publication) -> dict[str, object]:
    return {
        "version": visible(f"@{one.number} {one.partition}".rstrip()),
        "what": one.kind.value,
        "published": ago(one.at),
        "rows": count(one.rows),
        "size": size(one.size),
        "digest": visible(called(one.digest, one.token)),
        "metadata": in_short(_said(one)),
    }


def _said(one: Publication) -> dict[str, object]:
    return own_metadata(one.metadata, rows=one.rows, size=one.size)


def _one_of(datasets: list[str]) -> str:
    if len(datasets) == 1:
        return datasets[0]
    told_astray({"dataset": [visible(one) for one in datasets]})
    return str(
        st.selectbox(
            "Dataset",
            datasets,
            key="dataset",
            bind="query-params",
            format_func=visible,
            on_change=choose,
            kwargs={"before": None, "version": None},  # numbers of the one that was seen
        )
    )
