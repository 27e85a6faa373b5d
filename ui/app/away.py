"""What an open page says when nobody serves it any more, in place of Streamlit's own words, which speak of the
internet; and that it goes on by itself."""

from __future__ import annotations

import json

_SCRIPT = """
(() => {
  const GONE = %s, BACK = "The app is starting again …"
  let banner = null, leaving = false, asking = false
  const say = text => {
    if (!banner) {
      banner = document.createElement("div")
      banner.id = "penstock-away"
      banner.setAttribute("role", "alert")
      const style = document.createElement("style")
      style.textContent = `#penstock-away {position: fixed; inset: 0 0 auto 0; z-index: 2000000; padding: .75rem 1rem;
        font: 16px system-ui, sans-serif; background: #8a5a00; color: #fff; overflow-wrap: anywhere}
        body:has(#penstock-away) [data-testid=stDialog], body:has(#penstock-away) [data-testid=stConnectionStatus]
        {display: none}`
      banner.append(style, document.createElement("span"))
      document.body.append(banner)
    }
    banner.lastChild.textContent = text
  }
  const ask = async () => {
    const slow = setTimeout(() => leaving || say(BACK), 1000)
    try {
      const said = await fetch("/_stcore/health", {cache: "no-store"})
      if (said.ok) { asking = false; return banner && location.reload() }
      say(BACK)
    } catch { if (!leaving) say(GONE) } finally { clearTimeout(slow) }
    setTimeout(ask, 1000)
  }
  addEventListener("pagehide", () => leaving = true)
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given)
      this.addEventListener("close", () => { if (!asking && !leaving) { asking = true; ask() } })
    }
  }
})()
"""


def script(folder: str) -> str:
    """The script of a page, which watches its connection; where penstock is to be started again, it calls so."""
    gone = (
        f"penstock is not running here any more: start `penstock up`, or `penstock ui`, in {folder}. "
        "This page goes on by itself."
    )
    told = json.dumps(gone).replace("<", "\\u003c")  # what a folder is called ends no script
    return f"<script>{_SCRIPT % told}</script>"
