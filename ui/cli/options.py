"""Options that several commands have, each said once."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print plain JSON and nothing else.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="SELECTION", help="Only these, as --select; without any, everything."),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        "-s",
        metavar="SELECTION",
        help="Only these: chunks, +chunks (with what it is made from), chunks+ (with what is made from it), "
        "2+chunks+1, tag:nightly, group:kb, kb_*; a comma keeps what both sides select. May be repeated.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="At most so many.")]
Offset = Annotated[int, typer.Option("--offset", metavar="N", min=0, help="Leave out the first so many.")]
