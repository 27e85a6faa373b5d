"""The frame around every screen: who may come in, which screens there are, and what is said when one has no answer."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from ...storage.errors import DatabaseFault, PenstockError
from ..read.commands import scheduler_since
from .ahead import STYLE as AHEAD
from .ahead import ahead
from .login import admitted
from .parts.address import SCREENS, arrive, require_readable
from .parts.links import offer
from .parts.live import live
from .parts.says import fault
from .parts.tables import STYLE as ROWS
from .project import ask, close, project_settings, store
from .screens.assets import assets
from .screens.lineage import lineage
from .screens.runs import runs

_SHOWN = (
    (assets, "Assets", ":material/account_tree:"),
    (runs, "Runs", ":material/play_circle:"),
    (lineage, "Lineage", ":material/conversion_path:"),
)
_STYLE = """
.stMainBlockContainer { padding: 1rem clamp(1rem, 4vw, 4rem) 2rem; }
.stAppHeader { background: transparent; pointer-events: none; }
.stAppHeader * { pointer-events: auto; }
.stButtonGroup [role=radiogroup] { flex-wrap: wrap; max-width: 100%; row-gap: .25rem; }
[data-testid=stPageLink-NavLink][href*="?"]:not(:hover) { background: transparent; }
[data-testid=stPageLink-NavLink][href*="?"] * { font-weight: inherit; }
[data-testid=stPageLink-NavLink] p { overflow: hidden; text-overflow: ellipsis; }
"""
"""The two before the last: a link within the screen that is seen is none to where one is."""


def show() -> None:
    """The app as it stands for this visitor: the screen that the address names, within the frame."""
    st.set_page_config(page_title="penstock", page_icon="💧", layout="wide")
    arrive()
    try:
        settings = project_settings()
        if not admitted(settings):
            return
        st.html(f"<style>{_STYLE}{AHEAD}{ROWS}</style>")
        pages = {
            path: st.Page(screen, title=title, icon=icon, url_path=path)
            for path, (screen, title, icon) in zip(SCREENS, _SHOWN, strict=True)
        }

        def home() -> None:
            """The bare address leads to the first screen, which has an address of its own like the others."""
            st.switch_page(pages[SCREENS[0]], query_params=dict(st.query_params))

        page = st.navigation([st.Page(home, default=True), *pages.values()], position="hidden")
        offer(pages)
        with st.container(horizontal=True, gap="small", key="screens"):
            for one in pages.values():
                st.page_link(one)
            store()
            _at_work()
        ahead()
        require_readable()
        page.run()
    except PenstockError as error:
        fault(error)
        if isinstance(error, DatabaseFault):
            close()
            _until_back()
            st.stop()  # else Streamlit takes out of the address what the widgets say that are not there


@live(every=5)
def _at_work() -> None:
    """Says so where nothing can be asked for, and where nobody is there who plans: what is asked for waits then."""
    if store().is_read_only:
        st.markdown(":orange[:material/lock: To be looked at only: its database cannot be written.]", width="content")
    elif ask(scheduler_since) is None:
        st.markdown(":orange[:material/bedtime: Nobody is at work: `penstock up` plans and makes.]", width="content")


def _until_back() -> None:
    """The page is drawn again as soon as there is a database to ask."""
    with_page = True

    @st.fragment(run_every=3)
    def look() -> None:
        st.caption("It is tried again every few seconds.")
        if with_page:
            return
        with suppress(PenstockError):
            store()
            st.rerun()

    look()
    with_page = False
