"""`constraints.txt` pins what a checkout installs: names and versions, nothing else, nothing that contradicts us."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = [*PROJECT["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]
DIRECT = [Requirement(text) for text in WANTED if not text.startswith("penstock")]


def needed() -> set[str]:
    """The names of everything that our requirements bring along here, as far as it is installed."""
    found: set[str] = set()
    queue = list(DIRECT)
    while queue:
        wanted = queue.pop()
        name = canonicalize_name(wanted.name)
        if name in found:
            continue
        try:
            inner = [Requirement(text) for text in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        found.add(name)
        extras = [{"extra": extra} for extra in ("", *wanted.extras)]
        queue += [one for one in inner if one.marker is None or any(one.marker.evaluate(extra) for extra in extras)]
    return found


def test_every_line_is_a_name_and_a_version() -> None:
    """No address, no comment, no option, not ourselves; sorted, each name once."""
    assert all(re.fullmatch(r"[a-z0-9._-]+==[0-9][\w.]*", line) for line in LINES)
    assert sorted(LINES) == LINES
    assert len(PINS) == len(LINES)
    assert "penstock" not in PINS


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_a_pin_lies_in_the_range_that_we_state(requirement: Requirement) -> None:
    """What we require directly is pinned, to a version that our own range allows."""
    assert PINS[canonicalize_name(requirement.name)] in requirement.specifier


def test_everything_that_is_brought_along_is_pinned() -> None:
    """No dependency of a dependency is left to the day of the installation."""
    assert needed() - PINS.keys() == set()


@pytest.mark.parametrize("names", [PROJECT["dependencies"], *EXTRAS.values()], ids=["dependencies", *EXTRAS])
def test_a_list_of_requirements_is_in_order(names: list[str]) -> None:
    """Lists are alphabetical; references to other extras of ours come last."""
    keys = [(name.startswith("penstock"), Requirement(name).name) for name in names]
    assert keys == sorted(keys)
