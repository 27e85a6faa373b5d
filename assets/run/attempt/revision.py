"""Which revision of which repository a file belongs to, and whether it is what that has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_FOLDERS = 100
"""Of more folders the whole repository is asked for."""
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
        self._folders: dict[str, str] = {}
        self._checkouts: dict[str, Checkout | None] = {}
        self._differing: dict[str, Collection[str]] = {}

    def of(self, file: str) -> Checkout | None:
        """The checkout that a file belongs to."""
        folder = self._folder(str(Path(self._place(file)).parent)) if self._place(file) else ""
        if folder not in self._checkouts:
            self._checkouts[folder] = _checkout(folder) if folder else None
        return self._checkouts[folder]

    def differ(self, checkout: Checkout, files: Iterable[str]) -> bool:
        """Whether one of these files that lie in a checkout is not what its commit has, or not in it at all."""
        if checkout.top not in self._differing:
            here = {self._place(file) for file in self._files if self.of(file) == checkout}
            self._differing[checkout.top] = _differing(checkout, here)
        return any(self._place(file) in self._differing[checkout.top] for file in files)

    def _folder(self, folder: str) -> str:
        """The nearest folder above that has a repository; "" where none has."""
        if folder not in self._folders:
            above = str(Path(folder).parent)
            here = (Path(folder) / ".git").exists()
            self._folders[folder] = folder if here else self._folder(above) if above != folder else ""
        return self._folders[folder]

    def _place(self, file: str) -> str:
        """Its absolute path without links; "" where there is no such file, as of code that was typed in."""
        if file not in self._places:
            self._places[file] = str(Path(file).resolve()) if Path(file).is_file() else ""
        return self._places[file]


def _checkout(folder: str) -> Checkout | None:
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


def _differing(checkout: Checkout, files: Collection[str]) -> set[str]:
    """Those of the files of a checkout that are not what its commit has; none where git does not say."""
    paths = {checkout.relative(file): file for file in files}
    folders = sorted({str(PurePosixPath(path).parent) for path in paths})
    # By their folders: git holds every file of the repository against every path that it is given.
    places = ["."] if len(folders) > _FOLDERS else folders
    tracked = _ask(checkout.top, "--literal-pathspecs", "ls-files", "-z", "--", *places)
    changed = _ask(checkout.top, *_CHANGED, "HEAD", "--", *places)
    if tracked is None or changed is None:
        return set()
    there = set(tracked.split("\0")) - set(changed.split("\0"))
    return {file for path, file in paths.items() if path not in there}


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
