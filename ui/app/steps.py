"""One step back for each step that somebody made, and what was seen is seen again.

Where a link leads to another screen Streamlit writes two entries into the browser's history: what is chosen there, at
the address of the screen that is left, then the screen itself; nobody has seen the first. And of an address to which
somebody goes back it loses what has the name of a widget of the screen that is left, such as `asset`: that is
loaded anew.
"""

from __future__ import annotations

STEPS = """<script>
(() => {
  let touched = false  // since the last entry: what is written without is the same step, and takes its place
  const touch = () => touched = true
  for (const kind of ["pointerdown", "click", "keydown"]) addEventListener(kind, touch, true)
  addEventListener("message", said => said.data?.type === "streamlit:setComponentValue" && touch())  // in the graph
  let path = location.pathname
  addEventListener("popstate", said => {
    touched = false
    if (location.pathname === path) return
    said.stopImmediatePropagation()  // Streamlit hears later
    location.reload()
  })
  const push = history.pushState
  history.pushState = function (...entry) {
    (touched ? push : history.replaceState).apply(history, entry)
    touched = false
    path = location.pathname
  }
})()
</script>"""
"""The script of a page that sees to it."""
