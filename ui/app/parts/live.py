"""A part of a page that is drawn again and again by itself, so that it shows what is true now."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from ....storage.errors import PenstockError
from .address import is_left

Asked = ParamSpec("Asked")


def live(*, every: float | None) -> Callable[[Callable[Asked, None]], Callable[Asked, None]]:
    """Makes a function that draws a part of a page one that draws it every so many seconds; None: only when something
    in it is touched.

    A click in it that leads elsewhere, see `move`, is followed at once, without drawing the part first.

    What has no answer is told by the page as a whole: when the part is drawn with the page its fault is raised, and
    when it is drawn alone the page is drawn again.
    """

    def alive(draw: Callable[Asked, None]) -> Callable[Asked, None]:
        def drawn(*args: Asked.args, **kwargs: Asked.kwargs) -> None:
            with_page = True

            def part() -> PenstockError | None:
                if is_left() and not with_page:
                    st.rerun()
                try:
                    draw(*args, **kwargs)
                except PenstockError as error:
                    if with_page:
                        return error  # of what a fragment raises Streamlit shows the traceback
                    st.rerun()
                return None

            part.__qualname__ = f"{draw.__module__}.{draw.__qualname__}"  # Streamlit tells fragments apart by it
            fault = st.fragment(part, run_every=every)()
            with_page = False
            if fault is not None:
                raise fault

        return drawn

    return alive
