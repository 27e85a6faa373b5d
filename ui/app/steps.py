"""One step back for each step that somebody made. Where a link leads to another screen Streamlit writes two entries
into the browser's history: what is chosen there, at the address of the screen that is left, then the screen itself. Back
led to the first, which nobody had seen."""

from __future__ import annotations

STEPS = """<script>
(() => {
  let touched = false  // since the last entry: what is written without is the same step, and takes its place
  const touch = () => touched = true
  for (const kind of ["pointerdown", "click", "keydown"]) addEventListener(kind, touch, true)
  addEventListener("message", said => said.data?.type === "streamlit:setComponentValue" && touch())  // in the graph
  addEventListener("popstate", () => touched = false)
  const push = history.pushState
  history.pushState = function (...entry) {
    (touched ? push : history.replaceState).apply(history, entry)
    touched = false
  }
})()
</script>"""
"""The script of a page that sees to it."""
