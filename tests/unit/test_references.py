"""Functions by name, and why some have none that another process could use."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from penstock.assets.code.references import reference, resolve
from penstock.storage.errors import DefinitionError


def test_a_function_of_a_module_is_found_by_its_reference() -> None:
    """There and back."""
    found = reference(functools.reduce)
    assert (str(found), found.importable) == ("_functools:reduce", True)
    assert resolve(str(found)) is functools.reduce
    assert resolve("pathlib:Path.cwd") == __import__("pathlib").Path.cwd


def test_what_has_no_name_to_import_says_why() -> None:
    """Lambdas, closures, scripts, objects, and names that lead to something else."""

    def inner() -> None: ...

    class Call:
        def __call__(self) -> None: ...

    script: Any = lambda: 1  # noqa: E731
    script.__module__, script.__qualname__ = "__main__", "script"
    other: Any = lambda: 1  # noqa: E731
    other.__module__, other.__qualname__ = "functools", "reduce"
    obstacles = [reference(one).obstacle for one in (lambda: 1, inner, Call(), script, other)]
    for obstacle, word in zip(
        obstacles, ["lambda", "inside a function", "type", "script", "something else"], strict=True
    ):
        assert word in obstacle


@pytest.mark.parametrize(
    ("text", "why"), [("nowhere.at.all:f", "cannot be imported"), ("json:nothing", "is not there")]
)
def test_a_reference_that_leads_nowhere_is_a_fault(text: str, why: str) -> None:
    """The message names the reference."""
    with pytest.raises(DefinitionError, match=why) as caught:
        resolve(text)
    assert text in caught.value.message
