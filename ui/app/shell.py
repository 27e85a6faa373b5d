"""The frame around every screen: who may come in, which screens there are, and what is said when one has no answer."""

from __future__ import annotations

import streamlit as st

from ...storage.errors import PenstockError
from ..read.commands import scheduler_since
from .login import admitted
from .parts.address import SCREENS
from .parts.links import offer
from .parts.says import fault
from .project import ask, begin, project_settings
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
"""


@st.fragment(run_every=5)
def _at_work() -> None:
    """Says so where nobody is there who plans: what is asked for waits then."""
    if ask(scheduler_since) is None:
        st.markdown(":orange[:material/bedtime: Nobody is at work: `penstock up` plans and makes.]", width="content")


def show() -> None:
    """The app as it stands for this visitor: the screen that the address names, within the frame."""
    st.set_page_config(page_title="penstock", page_icon="💧", layout="wide")
    try:
        settings = project_settings()
        if not admitted(settings):
            return
        begin()
        st.html(f"<style>{_STYLE}</style>")
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
            _at_work()
        page.run()
    except PenstockError as error:
        fault(error)
