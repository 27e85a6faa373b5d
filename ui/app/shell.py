"""The frame around every screen: who may come in, which screens there are, and what is said when one has no answer."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from ...storage.errors import DatabaseFault, PenstockError
from .login import admitted
from .parts.says import fault
from .project import close, project_settings, store
from .screens.assets import assets
from .screens.lineage import lineage
from .screens.runs import runs

SCREENS = (
    (assets, "Assets", ":material/account_tree:"),
    (runs, "Runs", ":material/play_circle:"),
    (lineage, "Lineage", ":material/conversion_path:"),
)
_STYLE = """
.stMainBlockContainer { padding: 4.5rem clamp(1rem, 4vw, 4rem) 2rem; }
"""


def show() -> None:
    """The app as it stands for this visitor: the screen that the address names, within the frame."""
    st.set_page_config(page_title="penstock", page_icon="💧", layout="wide")
    try:
        settings = project_settings()
        if not admitted(settings):
            return
        st.html(f"<style>{_STYLE}</style>")
        pages = [st.Page(screen, title=title, icon=icon, url_path=title.lower()) for screen, title, icon in SCREENS]

        def home() -> None:
            """The bare address leads to the first screen, which has an address of its own like the others."""
            st.switch_page(pages[0], query_params=dict(st.query_params))

        page = st.navigation([st.Page(home, default=True, visibility="hidden"), *pages], position="top")
        store()
        page.run()
    except PenstockError as error:
        fault(error)
        if isinstance(error, DatabaseFault):
            close()
            _until_back()


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
