"""Which revision of which repository a file belongs to, read from git once per folder; None where there is none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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


def revision(file: str) -> Checkout | None:
    """The checkout that `file` belongs to. No error: a file outside of git is ordinary."""
    return _checkout(str(Path(file).resolve().parent)) if Path(file).is_file() else None


@lru_cache(maxsize=1000)
def _checkout(folder: str) -> Checkout | None:
    git = shutil.which("git")
    if git is None or not any((parent / ".git").exists() for parent in (Path(folder), *Path(folder).parents)):
        return None
    told = _ask(git, folder, "rev-parse", "--show-toplevel", "HEAD", "--abbrev-ref", "HEAD").splitlines()
    if len(told) < 3:
        return None  # a repository without a commit
    url = _ask(git, folder, "config", "--get", "remote.origin.url").strip()
    return Checkout(
        top=told[0],
        commit=told[1],
        branch=None if told[2] == "HEAD" else told[2],
        url=_SECRET.sub("", url) or None,
    )


def _ask(git: str, folder: str, *words: str) -> str:
    # Inside a git hook these name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(  # noqa: S603  fixed words, no shell
            [git, "-C", folder, *words], capture_output=True, text=True, timeout=10, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout
