"""Values in and out of a whole project: what each annotation gets, what becomes of what a producer gives."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import polars as pl
import pyarrow as pa
import pytest

from penstock import Context, Dataset, DefinitionError, Opaque, Output, Version, asset
from penstock.assets.run.progress import Outcome

# The fixture is a class of `conftest.py`, which no test can import.
Lab = Any

FRAME = pl.DataFrame({"id": [1, 2, 3], "text": ["a", None, "ü"]})
FORMS: dict[str, Any] = {
    "lazy": pl.LazyFrame,
    "frame": pl.DataFrame,
    "table": pa.Table,
    "stream": Iterator[pl.DataFrame],
}


def failure(outcome: Outcome) -> str:
    """The message and the hint of a failed outcome."""
    assert outcome.error is not None, outcome
    return f"{outcome.error['message']}\n{outcome.error['hint']}"


# --- frames ----------------------------------------------------------------------------------------------------------


def given(form: str) -> Any:
    """The frame in a form."""
    return {
        "lazy": FRAME.lazy(),
        "frame": FRAME,
        "table": FRAME.to_arrow(),
        "stream": iter([FRAME.head(1), FRAME.tail(2)]),
    }[form]


def taken(value: Any, form: str) -> pl.DataFrame:
    """What came in, if it came in that form."""
    if form == "stream":
        parts = list(value)
        assert all(isinstance(part, pl.DataFrame) for part in parts)
        return pl.concat(parts)
    assert isinstance(value, FORMS[form])
    return value.collect() if form == "lazy" else pl.DataFrame(value)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "ndjson"])
def test_every_form_of_a_frame_reads_what_every_form_wrote(lab: Lab, suffix: str) -> None:
    """Four ways to give a frame, four ways to take each: sixteen times the same rows."""
    writers, readers = [], []
    for form, annotation in FORMS.items():

        def write(form: str = form) -> Any:
            return given(form)

        def producer(*, form: str = form) -> Any:
            return given(form)

        producer.__annotations__ = {"form": str, "return": annotation}
        writers.append(asset(f"{form}.{suffix}", name=form)(producer))
        for other, wanted in FORMS.items():

            def consumer(value: Any, *, form: str = other) -> list[Any]:
                return taken(value, form).rows()

            consumer.__annotations__ = {"value": wanted, "form": str, "return": list}
            made = asset(f"{form}-{other}.json", name=f"{form}_{other}", inputs={"value": writers[-1]})(consumer)
            readers.append(made)
    result = lab.make(*writers, *readers)
    assert result.ok, [one.error for one in result.outcomes]
    for one in readers:
        assert json.loads(lab.read(one.outputs[0].uri)) == [list(row) for row in FRAME.rows()], one.name
