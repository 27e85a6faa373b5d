"""What never changes is fetched once: files of components whose names have the digest of their bytes.

Streamlit lets a browser keep them and does not say for how long, so that it asks for them again with every page: for
the graph a megabyte, which is compressed anew each time, and compiled by the browser as if it had never seen it.
"""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NAMED_BY_DIGEST = re.compile(r"/component/.+[./-][0-9a-f]{16,}\.\w[\w.]*")
_FOR_GOOD = "public, max-age=31536000, immutable"


class Lasting:
    """Middleware that says so to the browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        lasts = scope["type"] == "http" and _NAMED_BY_DIGEST.fullmatch(scope["path"]) is not None

        async def tell(message: Message) -> None:
            if lasts and message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message)["cache-control"] = _FOR_GOOD
            await send(message)

        await self._app(scope, receive, tell)
