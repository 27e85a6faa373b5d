"""The public face: what `from penstock import …` gives, and that every spelling of that list agrees.

The list stands three times in `__init__.py` (for readers, for the interpreter, for type checkers); none may drift.
"""

from __future__ import annotations

import ast
import inspect
import tomllib
from pathlib import Path

import pytest

import penstock

ROOT = Path(__file__).resolve().parent.parent
FACE = ROOT / "__init__.py"


def checked_names() -> dict[str, str]:
    """What a type checker sees: public name → `module:attribute`, from the `if TYPE_CHECKING` block."""
    (block,) = (node for node in ast.parse(FACE.read_text()).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(block.body)
    return {
        alias.asname or alias.name: f"penstock.{node.module}:{alias.name}" for node in imports for alias in node.names
    }


def test_all_is_the_sorted_table_of_names() -> None:
    """`__all__` holds exactly the lazily loaded names, sorted."""
    assert penstock.__all__ == sorted(penstock._WHERE)  # pyright: ignore[reportPrivateUsage]


def test_type_checkers_see_the_same_names_from_the_same_places() -> None:
    """The `TYPE_CHECKING` block names what the table names, attribute for attribute."""
    assert checked_names() == penstock._WHERE  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("name", penstock.__all__)
def test_a_public_name_resolves_and_says_what_it_is(name: str) -> None:
    """Every public name is there, is the thing it is called after, and has a docstring of its own."""
    thing = getattr(penstock, name)
    assert name in vars(penstock), "asked for once, it is an ordinary attribute"
    if inspect.isclass(thing) or inspect.isroutine(thing):
        assert thing.__name__ == name
        assert inspect.getdoc(thing), f"penstock.{name} has no docstring"
        assert vars(thing).get("__doc__", thing.__doc__), f"penstock.{name} inherits its docstring"


@pytest.mark.parametrize("name", penstock.__all__)
def test_the_public_methods_of_a_public_class_have_docstrings(name: str) -> None:
    """What can be called on a public class says what is true after the call."""
    thing = getattr(penstock, name)
    members = vars(thing).items() if inspect.isclass(thing) else ()
    silent = [
        member
        for member, value in members
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property | classmethod))
        if not inspect.getdoc(value)
    ]
    assert not silent, f"penstock.{name}: no docstring on {', '.join(silent)}"


def test_dir_lists_every_public_name() -> None:
    """Completion in a shell offers names that have not been loaded yet."""
    assert {*penstock.__all__, "__version__"} <= {*dir(penstock)}


def test_a_name_that_is_not_there_is_an_ordinary_attribute_error() -> None:
    """A misspelt name fails as on any module, so that `hasattr` and `from … import` behave."""
    with pytest.raises(AttributeError, match="module 'penstock' has no attribute 'dataset'"):
        penstock.dataset  # noqa: B018  # pyright: ignore
    assert not hasattr(penstock, "nothing")


def test_the_version_is_that_of_the_distribution() -> None:
    """`penstock.__version__` and pyproject.toml say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert penstock.__version__ == project["version"]


def test_the_root_is_marked_as_typed() -> None:
    """Type checkers use the annotations of the installed package."""
    assert (ROOT / "py.typed").is_file()
