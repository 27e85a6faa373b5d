"""The project that the app shows: its settings, its store, and questions to that.

The store is opened once for all visitors, for questions only, and anew when it was away or another file lies in its
place. A question is asked again after some seconds, so that a page which asks several times in a row, or many visitors
at once, costs one answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from ...storage.settings import ProjectSettings, read_settings
from ..read.store import Store, file_of, require_form, watched
from . import outlined

Answer = TypeVar("Answer")
Asked = ParamSpec("Asked")

_FRESH = 2.0
"""Seconds for which an answer stands."""
_FITS = 5.0
"""Seconds after which it is seen anew whether the database still has our form."""
_LASTING = 10.0
"""The same of what has been: the lineage of a version stays as it is, but for which is the newest."""


@st.cache_resource(show_spinner=False)
def project_settings() -> ProjectSettings:
    """The settings of the project, whose folder is the argument of the script.

    Raises
    ------
    SettingsFault: they cannot be read.
    """
    return read_settings(Path(sys.argv[1]) if len(sys.argv) > 1 else None)


def _closed(opened: tuple[ExitStack, Store]) -> None:
    opened[0].close()


@st.cache_resource(show_spinner="Opening the database …", max_entries=1, on_release=_closed)
def _opened(file: tuple[int, ...] | None) -> tuple[ExitStack, Store]:
    del file  # where another lies in its place, that is opened
    with ExitStack() as stack:
        found = stack.enter_context(watched(project_settings()))
        return stack.pop_all(), found


def store() -> Store:
    """The store of the project; for `ask`, and for what a person asks for.

    Raises
    ------
    DatabaseFault: there is none yet, it cannot be opened, or another penstock wrote it.
    """
    file = file_of(project_settings())
    found = _opened(file)[1]
    _fits(file, found)
    return found


@st.cache_data(ttl=_FITS, max_entries=1, show_spinner=False)
def _fits(file: tuple[int, ...] | None, _store: Store) -> None:
    """Another penstock may upgrade the database while this one has it open."""
    del file
    require_form(_store)


def ask(question: Callable[Concatenate[Store, Asked], Answer], *args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
    """What a function of `ui/read` answers, at most two seconds old.

    Raises
    ------
    UsageError, NotFound, …: as the question says.
    DatabaseFault: the database is away.
    """
    return _asked(_name(question), question, args, kwargs)


def ask_past(
    question: Callable[Concatenate[Store, Asked], Answer], *args: Asked.args, **kwargs: Asked.kwargs
) -> Answer:
    """The same of a question about what has been: at most ten seconds old."""
    return _asked_past(_name(question), question, args, kwargs)


def ask_recorded(
    question: Callable[Concatenate[Store, Asked], Answer], *args: Asked.args, **kwargs: Asked.kwargs
) -> Answer:
    """The same of a question that costs much, about nothing but what is recorded: at most two seconds old, and as long
    as nobody has committed anything, ten."""
    name = _name(question)

    def unchanged(store: Store, *args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        return _asked_recorded(store.mark(), name, question, args, kwargs)

    return _asked(name, unchanged, args, kwargs)


def _name(question: Callable[..., Any]) -> str:
    """What stands for the question in what is remembered."""
    return f"{question.__module__}.{question.__qualname__}"


@st.cache_data(ttl=_LASTING, max_entries=50, show_spinner=False)
def _asked_recorded(
    mark: str, name: str, _question: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    del mark, name
    return _question(store(), *args, **kwargs)


@st.cache_data(ttl=_LASTING, max_entries=100, show_spinner=False)
def _asked_past(name: str, _question: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    del name
    return _question(store(), *args, **kwargs)


@st.cache_data(ttl=_FRESH, max_entries=500, show_spinner=False)
def _asked(name: str, _question: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    del name
    return _question(store(), *args, **kwargs)


def forget() -> None:
    """Whatever is asked next is asked anew: somebody has just changed something."""
    _asked.clear()
    _asked_recorded.clear()
    _asked_past.clear()
    outlined.forget()


def close() -> None:
    """The store is opened anew by the next question: it was away."""
    _opened.clear()
