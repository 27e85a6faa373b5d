"""The script that Streamlit runs, on every visit and interaction; everything else is imported once."""

from __future__ import annotations

from penstock.ui.app.shell import show

show()
