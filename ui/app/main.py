"""The script that Streamlit runs, on every visit and interaction; everything else is imported once.

It is run by its path, and so names the rest in full."""

from __future__ import annotations

from penstock.ui.app.shell import show  # pyright: ignore[reportMissingImports, reportUnknownVariableType]  by path, see above

show()
