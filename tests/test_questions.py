"""What the command line and the app want to know they ask of `ui/read`; what they do they ask of `assets/run` by name.

Read from the source text, as `test_architecture.py` does. Nobody but `ui/read` looks into tables; of `assets/run` the
command line imports what is listed here and nothing else, the app nothing at all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, named, parsed, python_files, targets, within

ACTS = {  # what changes something, and opening what it is changed in
    "backfilling/api": "resume_in",
    "backfilling/controlling": "change",
    "backfilling/creating": "create",
    "backfilling/working": "work_on",
    "cleaning": "clean",
    "api": "make",
    "notifying/notify": "send_again try_out",
    "project/project": "open_project open_store",
    "project/trial": "for_good",
    "project/upgrading": "upgrade_store",
    "rerunning": "rerun_in",
    "supervision/canceling": "ask_to_cancel",
    "supervision/signals": "LEAVE Termination",
    "supervision/supervisor": "Supervisor",
    "telling/outside": "asks_definitions is_bare record_within",
    "telling/pausing": "pause_in resume_in",
    "telling/resending": "resend",
}
TRIALS = {  # what only the project's code and settings of now can tell, registered or not: check, plan, why, --dry-run
    "api": "foresee outlook require_reached typed_parameters unused",
    "attempt/delivery": "misaddressed",
    "attempt/secrets": "unknown",
    "backfilling/creating": "foresee_backfill",
    "backfilling/pending": "pending_backfills",
    "explaining/api": "require_whole",
    "explaining/of_partition": "why_partition",
    "explaining/until": "outlook_until",
    "explaining/why": "why_now",
    "notifying/hearing": "misheard",
    "project/foretold": "foretold foretold_in",
    "project/permitted": "require_permitted require_pools",
    "project/places": "require_places",
    "project/project": "configured_parameters environment",
    "project/trial": "on_trial",
}
WORDS = {  # types and values of what these give and take
    "api": "Outlook",
    "backfilling/controlling": "Controlled",
    "backfilling/creating": "Asked Preview",
    "backfilling/pending": "Pending",
    "backfilling/working": "BackfillResult",
    "explaining/until": "Selected",
    "progress": "Advanced Listener Looked Made Outcome Progress Result Retrying Started Waiting silent",
    "project/foretold": "Foretold",
    "project/project": "Project",
    "project/redivided": "Redivided",
    "rerunning": "Rerun",
    "supervision/canceling": "Asked",
    "supervision/order": "Loading Message Order Problem Ready Said",
    "telling/outside": "Told",
    "telling/resending": "Resent",
}
ALLOWED = {
    (f"assets/run/{module}", name)
    for listed in (ACTS, TRIALS, WORDS)
    for module, names in listed.items()
    for name in names.split()
}


def names_of(tree: Path, path: Path) -> Iterator[tuple[int, str, str]]:
    """Every name of ours that a file imports: line, module, name; of a module that is imported as a whole, "*"."""
    folder = path.relative_to(tree).parent.parts
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                single = ast.ImportFrom(module=node.module, names=[alias], level=node.level)
                anything = ast.ImportFrom(module=node.module, names=[ast.alias("*")], level=node.level)
                (base, ours), (module, _) = *targets(tree, folder, anything), *targets(tree, folder, single)
                if ours:
                    yield node.lineno, module, alias.name if module == base else "*"


def faults(tree: Path) -> Iterator[str]:
    """What the command line and the app ask past `ui/read`."""
    for path in python_files(tree, "ui/cli", "ui/app"):
        where = path.relative_to(tree)
        for line, module, name in names_of(tree, path):
            if within(module, "storage/meta"):
                yield f"{where}:{line}: {module} is known to ui/read alone: ask there, and take its types from there"
            elif within(module, "assets/run") and (module, name) not in ALLOWED:
                yield f"{where}:{line}: {name} of {module} is no act that is listed: a question belongs into ui/read"


def test_questions_are_asked_of_one_place() -> None:
    """No table is looked into, and nothing asked of `assets/run` that the store can answer."""
    assert list(faults(ROOT)) == []


def test_what_is_listed_is_used() -> None:
    """No name stays on the list that nobody imports any more."""
    used = {
        (module, name) for path in python_files(ROOT, "ui/cli", "ui/app") for _, module, name in names_of(ROOT, path)
    }
    assert ALLOWED - used == set()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("from ...storage.meta.past import history", "ui/cli/a.py:1: storage/meta/past/history is known to ui/read"),
        ("from ...storage.meta.runs import Run", "ui/cli/a.py:1: storage/meta/runs is known to ui/read"),
        ("from ...assets.run.api import spy", "ui/cli/a.py:1: spy of assets/run/api is no act"),
        ("from ...assets.run import api", "ui/cli/a.py:1: * of assets/run/api is no act"),
    ],
)
def test_who_asks_elsewhere_is_told(source: str, said: str, tmp_path: Path) -> None:
    """With file and line."""
    files = {
        "ui/cli/a.py": source,
        "storage/meta/past/history.py": "",
        "storage/meta/runs.py": "",
        "assets/run/api.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert any(fault.startswith(said) for fault in faults(tmp_path)), list(faults(tmp_path))


def typed(tree: Path) -> Iterator[str]:
    """Fields of answers whose type says nothing."""
    for path in python_files(tree, "ui/read"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and "Any" in ast.unparse(field.annotation):
                        name = ast.unparse(field.target)
                        yield f"{named(tree, path)}.{node.name}.{name}: {ast.unparse(field.annotation)}"


def test_answers_are_typed() -> None:
    """No field of an answer is `Any`, or a mapping to it."""
    assert list(typed(ROOT)) == []
