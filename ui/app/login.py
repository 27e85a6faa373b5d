"""The login: on this machine whoever is at it sees the app, from elsewhere who has logged in; see `admission.py`."""

from __future__ import annotations

import streamlit as st

from ...storage.settings import ProjectSettings
from .admission import is_allowed, is_configured, is_loopback
from .parts.text import plain


def admitted(settings: ProjectSettings) -> bool:
    """Whether this visitor may see the project; if not, the way to log in is on the screen, and nothing else."""
    if not is_configured(settings.folder):
        if is_loopback(str(st.get_option("server.address") or "")):
            return True
        st.error("**The app can be reached from elsewhere, and no login is configured.** Start it with `penstock ui`.")
        return False
    if not st.user.is_logged_in:
        st.title(plain(settings.project))
        st.markdown("Log in to see its assets, runs and lineage.")
        st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
        return False
    who = str(st.user.get("email") or "") or None
    if not is_allowed(who, settings.values.app.allow):
        st.error(f"**{plain(who or 'This account')} may not see {plain(settings.project)}.**")
        st.markdown("Ask whoever runs it to add you to `allow` in the table `[app]` of `penstock.toml`.")
        st.button("Log out", on_click=st.logout)
        return False
    with st.sidebar:
        st.caption(f"Logged in as {plain(who or 'somebody without an address')}")
        st.button("Log out", icon=":material/logout:", on_click=st.logout)
    return True


def visitor(settings: ProjectSettings) -> str:
    """Who asks for something: the address of the login, or `local`."""
    if not is_configured(settings.folder):
        return "local"
    return str(st.user.get("email") or "somebody without an address")
