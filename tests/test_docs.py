"""Documentation is true: its programs and commands run, its links lead somewhere, its lists are complete.

In every Markdown file, blocks are taken in order, in one temporary directory per file:

- ```` ```python ```` whose first line is `# name.py` is saved under that name, any other is run;
- ```` ```console ```` runs each line after `$ `, which must exit with 0, or with what `# exits N` behind it says, and
  print the lines that stand below it;
- ```` ```sh ```` is for what needs a checkout (`make …`): it is not run, but its targets must exist.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from penstock.assets.plan import lifecycle
from penstock.storage import types
from penstock.storage.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/*.md")])
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
WORDS = (
    "project, dataset, version, event, asset, consumer, condition, tick, cause, run, attempt, pending, manifest, "
    "digest, head, pin, run key, fingerprint, outbox, plan"
).split(", ")
ENUMS = [word for word in vars(types).values() if isinstance(word, type) and issubclass(word, StrEnum)][1:]


def blocks(page: Path, *languages: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page in order: language and text."""
    for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield language, text


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def run(command: list[str], folder: Path, expected: int) -> list[str]:
    """The lines that one command of a page prints; its exit code is the expected one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment["NO_COLOR"] = "1"
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    assert done.returncode == expected, f"{command[-1]}\nexited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return [line.strip() for line in done.stdout.splitlines()]


def typed(block: str, folder: Path) -> Path:
    """Type a console block into a shell that stands in a folder; gives the folder in which it stands afterwards."""
    for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        if inside := re.fullmatch(r"cd (\S+)", command):
            folder /= inside[1]
            continue
        code = re.search(r"# exits (\d+)$", command)
        printed = run(["bash", "-c", command], folder, int(code[1]) if code else 0)
        missing = [line for line in shown.splitlines() if line.strip() and line.strip() not in printed]
        assert not missing, f"$ {command}\ndoes not print {missing}, but:\n" + "\n".join(printed)
    return folder


def test_every_page_is_seen() -> None:
    """The pages that a newcomer opens are among those that the tests below read."""
    seen = {str(page.relative_to(ROOT)) for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/glossary.md", "docs/adr/README.md"} <= seen


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_runs(page: Path, tmp_path: Path) -> None:
    """Every program and every command of a page does what a reader who types it would see."""
    folder = tmp_path
    for language, text in blocks(page, "python", "console"):
        first = text.partition("\n")[0]
        if language == "python" and (name := re.fullmatch(r"# ([\w/]+\.py)", first)):
            (folder / name[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            run([sys.executable, "-c", text], folder, 0)
        else:
            folder = typed(text, folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_make_targets_of_a_page_exist(page: Path) -> None:
    """What a page says to type in a checkout is a target of the Makefile."""
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = "\n".join([*(text for _, text in blocks(page, "sh")), *re.findall(r"`(make \w+)`", prose(page))])
    assert set(re.findall(r"\bmake (\w+)", shown)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Every local link is a file of the repository, and its anchor a heading there."""
    for link in LINK.findall(prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link} is not there"
        assert not anchor or anchor in slugs(target), f"{page.name}: {link} names no heading"


def test_the_index_of_decisions_is_complete() -> None:
    """Every decision record is linked from the index under its own title, numbered without a gap."""
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert [adr.name[:4] for adr in ADRS] == [f"{number:04}" for number in range(1, len(ADRS) + 1)]
    for adr in ADRS:
        title = adr.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        assert title.startswith(f"{int(adr.name[:4])}. ")
        assert f"[{title}]({adr.name})" in index


@pytest.mark.parametrize("adr", ADRS, ids=lambda adr: adr.stem)
def test_a_decision_record_fits_a_page(adr: Path) -> None:
    """A record says why, what, what follows and what else was weighed, in at most a page."""
    text = adr.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("word", WORDS)
def test_the_glossary_explains_every_word(word: str) -> None:
    """Each word of the vocabulary has its own line."""
    assert f"\n| {word} | " in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_the_glossary_explains_every_persisted_word(enum: type[StrEnum]) -> None:
    """The words that are written to the database, and no others, stand under the name of their type, in order."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    section = re.search(rf"^### {enum.__name__}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/glossary.md has no section {enum.__name__}"
    assert re.findall(r"^\| `(\w+)` \| ", section[1], re.MULTILINE) == [str(member) for member in enum]


def test_the_readme_lists_every_setting() -> None:
    """The table of settings has every key, in the order of the code, and its example is accepted."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Settings\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)
    assert section
    assert re.findall(r"^\| `(\w+)` \| ", section[1], re.MULTILINE) == list(Settings.model_fields)
    for _, text in blocks(ROOT / "README.md", "toml"):
        table = tomllib.loads(text)
        Settings(**table.get("tool", {}).get("penstock", table))


def test_the_readme_lists_every_command() -> None:
    """The table of commands has every command that `penstock --help` names, in its order."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = [str(Path(sys.executable).parent / "penstock"), "--help"]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    offered = re.findall(r"^│ (\w[\w-]*) ", shown[shown.index("Commands") :], re.MULTILINE)
    assert re.findall(r"^\| `penstock (\w+)` \| ", readme, re.MULTILINE) == offered


def test_the_picture_of_the_lifecycle_is_drawn_from_its_table() -> None:
    """The diagram in the documentation is the one that the table gives."""
    (picture,) = [text for _, text in blocks(ROOT / "docs" / "how-it-works.md", "mermaid")]
    assert picture == f"{lifecycle.diagram()}\n"


def test_the_changelog_keeps_its_grammar() -> None:
    """Unreleased first, then versions newest first; every change under one of the six headings."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.match(r"Unreleased", re.findall(r"^## \[?(.*?)\]?$", text, re.MULTILINE)[0])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds
