"""A page of which only the frame is left is loaded again.

Streamlit takes everything from a page when it hears late of one that was left before: a part of that which refreshes
itself just then, or something clicked in it, names the old page, and the browser clears for it what it shows of the new
one. Nothing on an empty page asks for anything, so it would stay as it is.
"""

from __future__ import annotations

EMPTIED = """<script>
(() => {
  const rest = ".stMainBlockContainer > .stVerticalBlock > :has(.st-key-screens)"
  let filled = false, emptied = 0
  setInterval(() => {
    const done = document.querySelector("[data-test-script-state=notRunning]")
    filled ||= document.querySelector(rest + ":not(:only-child)") !== null
    emptied = filled && done && document.querySelector(rest + ":only-child") ? emptied + 1 : 0
    if (emptied > 2) location.reload()
  }, 300)
})()
</script>"""
"""The script of a page that sees to it."""
