"""Small projects that are written, imported and edited, and the fingerprint of their producer `f`."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from penstock.assets.code.fingerprint import Fingerprint, fingerprint

SCRIPT = """
import importlib, json, sys
from penstock.assets.code.fingerprint import fingerprint
digests = []
for folder in sys.argv[1:]:
    sys.path[0] = folder
    for name in [name for name in sys.modules if name.startswith("sample_pkg")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    f = importlib.import_module("sample_pkg.assets").f
    digests.append([fingerprint(f).digest, fingerprint(f).digest])
print(json.dumps(digests))
"""


def written(folder: Path, sources: dict[str, str]) -> Path:
    """A package of these modules in a folder."""
    (folder / "sample_pkg").mkdir(parents=True)
    (folder / "sample_pkg" / "__init__.py").touch()
    for name, source in sources.items():
        (folder / "sample_pkg" / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return folder


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], Fingerprint]]:
    """The fingerprint of `f` in a fresh package of these modules."""
    count = iter(range(100))

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "sample_pkg"]:
            del sys.modules[name]

    def read(sources: dict[str, str]) -> Fingerprint:
        forget()
        monkeypatch.syspath_prepend(str(written(tmp_path / f"v{next(count)}", sources)))
        return fingerprint(importlib.import_module("sample_pkg.assets").f)

    yield read
    forget()
    vars(textwrap).pop("shorter", None)


@pytest.fixture
def in_processes(tmp_path: Path) -> Callable[[Iterable[dict[str, str]]], list[list[list[str]]]]:
    """What processes with other seeds of hashes give: for each process, for each sample, its digest twice."""

    def read(samples: Iterable[dict[str, str]]) -> list[list[list[str]]]:
        folders = [str(written(tmp_path / f"p{number}", sources)) for number, sources in enumerate(samples)]
        return [
            json.loads(
                subprocess.run(
                    [sys.executable, "-c", SCRIPT, *folders],
                    env={**os.environ, "PYTHONHASHSEED": seed},
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
            )
            for seed in ("0", "1", "2")
        ]

    return read
