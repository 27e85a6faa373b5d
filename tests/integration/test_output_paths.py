"""What producers do with `ctx.output`: what they return of it is kept, the rest is swept, the files of others stay."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock import Context, asset

Place = Callable[[Path, Path], Path]


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A file of somebody else, with a second name."""
    file = tmp_path / "foreign.txt"
    file.write_text("foreign")
    os.link(file, tmp_path / "second.txt")
    return file


def hard_link(output: Path, foreign: Path) -> Path:
    """A second name of a file of somebody else."""
    os.link(foreign, output)
    return output


def symbolic_link(output: Path, foreign: Path) -> Path:
    """A link to a file of somebody else."""
    output.symlink_to(foreign)
    return output


def another_path(output: Path, foreign: Path) -> Path:
    """It writes there, and returns something else."""
    output.write_text("unused")
    return foreign


def link_beside(output: Path, foreign: Path) -> Path:
    """A link beside what is returned."""
    output.with_name("beside").symlink_to(foreign.parent)
    output.write_text("foreign")
    return output


@pytest.mark.parametrize("write", [hard_link, symbolic_link, another_path, link_beside])
def test_a_file_that_is_linked_is_copied_and_nothing_is_left(lab: Any, foreign: Path, write: Place) -> None:
    """The version shares nothing with the file of others, which stays as it is; staging is empty."""

    def make(ctx: Context) -> Path:
        return write(ctx.output, foreign)

    result = lab.make(asset("out.txt", name="out")(make))
    assert (result.ok, result["out"].warning) == (True, "")
    assert (lab.data / "out.txt").read_text() == foreign.read_text() == "foreign"
    assert foreign.stat().st_nlink == 2
    assert foreign.stat().st_mode & 0o200
    assert not list(lab.data.glob(".penstock/staging/*"))


def links_within(output: Path, _: Path) -> Path:
    """Hard and symbolic links from one file of the directory to another."""
    (output / "a").write_text("foreign")
    os.link(output / "a", output / "b")
    (output / "c").symlink_to("a")
    return output


def a_part(output: Path, _: Path) -> Path:
    """A folder of it is returned, the rest is left."""
    (output / "part").mkdir()
    for name in ("a", "b", "c"):
        (output / "part" / name).write_text("foreign")
    (output / "scratch").write_text("left")
    return output / "part"


def links_out(output: Path, foreign: Path) -> Path:
    """Hard links to files of others."""
    for name in ("a", "b", "c"):
        os.link(foreign, output / name)
    return output


@pytest.mark.parametrize("write", [links_within, a_part, links_out])
def test_a_directory_with_links_is_kept_and_nothing_is_left(lab: Any, foreign: Path, write: Place) -> None:
    """Three files of their own."""

    def make(ctx: Context) -> Path:
        return write(ctx.output, foreign)

    assert lab.make(asset("out/", name="out")(make)).ok
    assert {path.name: path.read_text() for path in (lab.data / "out").iterdir()} == dict.fromkeys("abc", "foreign")
    assert foreign.stat().st_nlink == 2
    assert not list(lab.data.glob(".penstock/staging/*"))


@pytest.mark.parametrize("uri", ["out.txt", "out/"])
@pytest.mark.parametrize("above", [1, 2, 3, 4, 5])
def test_a_folder_around_the_output_is_refused(lab: Any, uri: str, above: int) -> None:
    """Its folder, the run's, all of staging, what penstock keeps, the data root: none is the producer's."""

    def make(ctx: Context) -> Path:
        (ctx.output / "a.txt" if uri.endswith("/") else ctx.output).write_text("a")
        return list(ctx.output.parents)[above - 1]

    made = asset(uri, name="out")(make)
    message = lab.failure(lab.make(made)["out"])
    assert "is not ctx.output but a folder around" in message
    assert "Return ctx.output itself" in message
    lab.check_untouched("out")
