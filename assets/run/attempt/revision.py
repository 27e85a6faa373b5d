"""Which revision of which repository a file belongs to, and whether it is what that has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_AT_ONCE = 500  # names of files in a command
_CHANGED = ("--literal-pathspecs", "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z")
_SECRET = re.compile(r"(?<=//)[^/@]+@|[?#].*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A working tree: its top folder, the commit that is checked out, and where it comes from."""

    top: str
    commit: str
    branch: str | None
    url: str | None

    def relative(self, file: str) -> str:
        """The path of a file within the repository."""
        return Path(file).resolve().relative_to(self.top).as_posix()


class Revisions:
    """The revisions of the files of a project, each repository asked once. That there is none, or no git, is no error.

    Parameters
    ----------
    files: in which the code of the project is written; which of them differ is asked of all of them together.
    """

    def __init__(self, files: Iterable[str]) -> None:
        self._files = tuple(dict.fromkeys(files))
        self._places: dict[str, str] = {}
        self._checkouts: dict[str, Checkout | None] = {}
        self._differing: dict[str, Collection[str]] = {}

    def of(self, file: str) -> Checkout | None:
        """The checkout that a file belongs to."""
        place = self._place(file)
        folder = str(Path(place).parent)
        if place and folder not in self._checkouts:
            self._checkouts[folder] = _checkout(folder)
        return self._checkouts[folder] if place else None

    def differ(self, checkout: Checkout, files: Iterable[str]) -> bool:
        """Whether one of these files that lie in a checkout is not what its commit has, or not in it at all."""
        if checkout.top not in self._differing:
            here = {self._place(file) for file in self._files if self.of(file) == checkout}
            self._differing[checkout.top] = _differing(checkout, sorted(here))
        return any(self._place(file) in self._differing[checkout.top] for file in files)

    def _place(self, file: str) -> str:
        """Its absolute path without links; "" where there is no such file, as of code that was typed in."""
        if file not in self._places:
            self._places[file] = str(Path(file).resolve()) if Path(file).is_file() else ""
        return self._places[file]


def _checkout(folder: str) -> Checkout | None:
    if not any((parent / ".git").exists() for parent in (Path(folder), *Path(folder).parents)):
        return None
    told = (_ask(folder, "rev-parse", "--show-toplevel", "HEAD", "--abbrev-ref", "HEAD") or "").splitlines()
    if len(told) < 3:
        return None  # a repository without a commit
    url = (_ask(folder, "config", "--get", "remote.origin.url") or "").strip()
    return Checkout(
        top=told[0],
        commit=told[1],
        branch=None if told[2] == "HEAD" else told[2],
        url=_SECRET.sub("", url) or None,
    )


def _differing(checkout: Checkout, files: Sequence[str]) -> set[str]:
    """Those of the files of a checkout that are not what its commit has; none where git does not say."""
    found: set[str] = set()
    for at in range(0, len(files), _AT_ONCE):
        paths = {checkout.relative(file): file for file in files[at : at + _AT_ONCE]}
        tracked = _ask(checkout.top, "--literal-pathspecs", "ls-files", "-z", "--", *paths)
        changed = _ask(checkout.top, *_CHANGED, "HEAD", "--", *paths)
        if tracked is not None and changed is not None:
            there = set(tracked.split("\0")) - set(changed.split("\0"))
            found |= {file for path, file in paths.items() if path not in there}
    return found


def _ask(folder: str, *words: str) -> str | None:
    """What git says; None where there is none, or it refuses."""
    git = shutil.which("git")
    if git is None:
        return None
    # Inside a git hook these name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"  # its index is not written: somebody may be about to commit
    try:
        answer = subprocess.run(  # noqa: S603  fixed words and paths, no shell
            [git, "-C", folder, *words],
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=10,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None
