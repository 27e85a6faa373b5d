"""What the tabular formats share: every form of a frame as one lazy frame, and a lazy frame as every form.

All four forms go through the same sink of the same library, so that equal frames give equal bytes in whichever form a
producer gives them. Nothing here collects a lazy frame.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import polars as pl
import pyarrow
from polars.io.plugins import register_io_source

from ...errors import Bug
from ...manifest import Column
from ...types import ValueKind
from ..faults import is_full, number_in
from ..json_types import article
from .json import to_text
from .seam import Contents, Output, Source, Uncomputed, Unfit

pa: Any = pyarrow  # states no types
Sink = Callable[[pl.LazyFrame], object]

INFERRED_BYTES = 1 << 24
CHUNK_ROWS = 1 << 16
"""Rows of one frame when a file is read as an iterator of frames."""


def sink(value: Any, kind: ValueKind, write: Sink, *, holds: Callable[[pl.DataType], bool]) -> tuple[Column, ...]:
    """Hand the value as one lazy frame to `write`; gives its columns.

    `holds` says whether the format reads a type back as it was written.

    Raises
    ------
    Unfit: the value is not what `kind` says, or has no columns, or one of a type that the format does not hold.
    Uncomputed: the producer's lazy frame fails.
    OSError: the disk takes no more.
    Whatever a generator or a Python function in a lazy frame raises comes out as it is.
    """
    if kind is ValueKind.FRAMES:
        return _sink_stream(value, write, holds)
    frame = _lazy(value, kind)
    try:
        columns = columns_of(frame.collect_schema(), holds)
        write(frame)
    except pl.exceptions.PolarsError as error:
        raise _translated(error, kind) from error
    return columns


def write_lines(
    value: Any, kind: ValueKind, output: Output, write: Callable[..., object], *, holds: Callable[[pl.DataType], bool]
) -> tuple[Column, ...] | None:
    """Of a format of lines: a frame, sunk in streaming mode and in order, hashed behind its writer; or a text as it is.

    Gives the columns and raises as `sink` does; `write` is one of the sinks of a `pl.LazyFrame`.
    """
    if kind is ValueKind.TEXT:
        output.write(to_text(value))
        return None

    def append(frame: pl.LazyFrame) -> None:
        with output.appended():
            write(frame, output.path, check_extension=False, maintain_order=True, engine="streaming")

    return sink(value, kind, append, holds=holds)


def _translated(error: pl.exceptions.PolarsError, kind: ValueKind) -> Exception:
    """What a sink's error means: a full disk, a query that fails, or a value that the format cannot hold."""
    number = number_in(error)
    if number is not None and is_full(error):
        return OSError(number, os.strerror(number))
    return Uncomputed(str(error)) if kind is ValueKind.LAZY_FRAME else Unfit(f"it cannot be written: {error}")


def everything(dtype: pl.DataType) -> bool:
    """Whether a format of frames' own kind holds the type: all but Python objects."""
    return dtype != pl.Object


def columns_of(schema: pl.Schema, holds: Callable[[pl.DataType], bool] = everything) -> tuple[Column, ...]:
    """Names and types in order.

    Raises
    ------
    Unfit: there are none (no format keeps the number of rows of a frame without columns), or one is of a type that
        `holds` refuses.
    """
    if not schema:
        raise Unfit(
            "the frame has no columns, and no format keeps what has none",
            hint='Name the columns even where there are no rows: pl.DataFrame(schema={"id": pl.Int64}).',
        )
    for name, dtype in schema.items():
        if not holds(dtype):
            raise Unfit(f"its column {name!r} is {dtype}, which is not read back as it was written; cast it first")
    return tuple(Column(name=name, type=str(dtype)) for name, dtype in schema.items())


def _lazy(value: Any, kind: ValueKind) -> pl.LazyFrame:
    if kind is ValueKind.LAZY_FRAME and isinstance(value, pl.LazyFrame):
        return value
    if kind is ValueKind.FRAME and isinstance(value, pl.DataFrame):
        return value.lazy()
    if kind is ValueKind.TABLE and isinstance(value, pa.Table):
        try:
            return pl.DataFrame(value).lazy()
        except Exception as error:  # of polars or of pyarrow; no code of the producer runs here
            raise Unfit(f"the table has a type that polars cannot hold: {error}") from error
    expected = {ValueKind.FRAME: "polars.DataFrame", ValueKind.TABLE: "pyarrow.Table"}.get(kind, "polars.LazyFrame")
    raise Unfit(f"the value is {article(type_name(value))}, not a {expected}")


def type_name(value: object) -> str:
    """The type of a value as a user writes it.

    >>> type_name(pl.DataFrame()), type_name(3)
    ('polars.DataFrame', 'int')
    """
    cls = type(value)
    package = cls.__module__.partition(".")[0]
    return cls.__qualname__ if package == "builtins" else f"{package}.{cls.__qualname__}"


def _sink_stream(value: Any, write: Sink, holds: Callable[[pl.DataType], bool]) -> tuple[Column, ...]:
    """Write frames as they come: at most two of them wait, whatever their number.

    The producer's generator runs in this thread, where its context, its locks and its database handles are; the sink
    runs in another and takes the frames from a queue.
    """
    if isinstance(value, pl.DataFrame | pl.LazyFrame | pa.Table | str | bytes | dict) or not isinstance(
        value, Iterable
    ):
        raise Unfit(f"the value is {article(type_name(value))}, not an iterable of polars.DataFrame")
    frames = map(_frame_of, cast("Iterable[Any]", value))
    first = next(frames, None)
    if first is None:
        raise Unfit(
            "it gave no frame at all, so its columns are unknown",
            hint='Yield at least one, where there are no rows an empty one: pl.DataFrame(schema={"id": pl.Int64}).',
        )
    schema = _schema_of(first, 0)
    columns = columns_of(schema, holds)
    pipe = _Pipe(schema, write)
    try:
        pipe.put(first)
        for number, frame in enumerate(frames, start=1):
            _schema_of(frame, number, schema)
            pipe.put(frame)
    except BaseException:
        pipe.break_off()
        raise
    pipe.close()
    return columns


def _frame_of(item: Any) -> Any:
    """A table or batch of pyarrow as a frame; anything else as it is."""
    if not isinstance(item, pa.Table | pa.RecordBatch):
        return item
    try:
        return pl.DataFrame(pa.Table.from_batches([item]) if isinstance(item, pa.RecordBatch) else item)
    except Exception as error:  # of polars or of pyarrow; no code of the producer runs here
        raise Unfit(f"it gave a {type_name(item)} of a type that polars cannot hold: {error}") from error


def _schema_of(frame: object, number: int, expected: pl.Schema | None = None) -> pl.Schema:
    if not isinstance(frame, pl.DataFrame):
        raise Unfit(f"item {number} of the iterable is {article(type_name(frame))}, not a polars.DataFrame")
    if expected is not None and frame.schema != expected:
        raise Unfit(f"frame {number} has the columns {dict(frame.schema)}, the first one has {dict(expected)}")
    return frame.schema


class _BrokenOff(Exception):
    """The producer of the frames failed: the sink must end without a file."""


class _Pipe:
    """A thread that sinks the frames put into it."""

    def __init__(self, schema: pl.Schema, write: Sink) -> None:
        self._frames: queue.Queue[pl.DataFrame | _BrokenOff | None] = queue.Queue(maxsize=1)
        self._error: BaseException | None = None
        self._schema = schema
        self._write = write
        self._thread = threading.Thread(target=self._run, name="penstock-sink", daemon=True)
        self._thread.start()

    def put(self, frame: pl.DataFrame | _BrokenOff | None) -> None:
        """Wait until the sink takes the frame; raise what the sink raised if it has ended."""
        while self._thread.is_alive():
            try:
                self._frames.put(frame, timeout=0.2)
            except queue.Full:
                continue
            return
        self.close()
        raise Bug("a sink ended before the frames did")

    def close(self) -> None:
        """Wait until everything is written; raise what the sink raised."""
        if self._thread.is_alive():
            self._put_end(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def break_off(self) -> None:
        """End the sink without a whole file; raises nothing, the caller has the reason."""
        self._put_end(_BrokenOff())
        self._thread.join()

    def _put_end(self, end: _BrokenOff | None) -> None:
        while self._thread.is_alive():
            try:
                self._frames.put(end, timeout=0.2)
            except queue.Full:
                continue
            return

    def _run(self) -> None:
        try:
            self._write(register_io_source(self._source, schema=self._schema, is_pure=False))
        except BaseException as error:
            self._error = error
            if isinstance(error, pl.exceptions.PolarsError):
                self._error = _translated(error, ValueKind.FRAMES)
                self._error.__cause__ = error

    def _source(self, *_pushed_down: object) -> Iterator[pl.DataFrame]:
        while (frame := self._frames.get()) is not None:
            if isinstance(frame, _BrokenOff):
                raise frame
            yield frame


def read(scan: pl.LazyFrame, kind: ValueKind) -> Any:
    """A scanned file in the form `kind`. Its schema is read now: a torn file is found before a producer runs."""
    schema = scan.collect_schema()
    if kind is ValueKind.LAZY_FRAME:
        return scan
    if kind is ValueKind.FRAMES:
        return _chunks(scan, schema)
    frame: Any = scan.collect(engine="streaming")
    return frame if kind is ValueKind.FRAME else _as_table(frame)


_WIDE = (pl.Int128, pl.UInt128)


def _as_table(frame: pl.DataFrame) -> Any:
    """Arrow has no integers of 128 bits: it has them as decimals of 38 digits without a fraction."""
    wide = [name for name, dtype in frame.schema.items() if isinstance(dtype, _WIDE)]
    held: Any = frame.with_columns(pl.col(wide).cast(pl.Decimal(38, 0))) if wide else frame
    return held.to_arrow()


def read_lines(source: Source, kind: ValueKind, scan: Callable[[Source], pl.LazyFrame]) -> Any:
    """A file of lines in the form `kind`: scanned, or the text as it stands."""
    if kind is ValueKind.TEXT:
        with open(source.path, "rb") as file:
            return file.read().decode()
    return read(scan(source), kind)


def _chunks(scan: pl.LazyFrame, schema: pl.Schema) -> Iterator[pl.DataFrame]:
    """Frames of at most `CHUNK_ROWS` rows, in order; one empty frame where there is no row: columns are known."""
    empty = True
    for frame in scan.collect_batches(chunk_size=CHUNK_ROWS, maintain_order=True, lazy=True):
        empty = False
        yield frame
    if empty:
        yield pl.DataFrame(schema=schema)


def beginning(path: str) -> bytes:
    """The first lines of a text file, whole, 16 MiB at most: what types are inferred from.

    Read into memory, because polars maps a file to infer from it (`Source.foreign`), and bounded, because a file of
    any size must not be read twice.
    """
    with open(path, "rb") as file:
        data = file.read(INFERRED_BYTES)
        return data if len(data) < INFERRED_BYTES else data[: data.rfind(b"\n") + 1]


def rows_in(scan: pl.LazyFrame) -> int:
    """The number of rows, without reading the columns where the format allows it."""
    return cast("int", scan.select(pl.len()).collect(engine="streaming").item())


def stated_or_inferred(
    source: Source,
    scan: Callable[[Source], pl.LazyFrame],
    count: Callable[[Source, tuple[Column, ...]], int],
) -> Contents:
    """Rows and columns of a text file of frames; nothing where it cannot be read as one.

    Such a file states no types: its writer's are taken where they are known, else they are inferred. Bytes or a text
    that a producer wrote itself need not be readable here: whoever reads them as a frame is told.
    """
    try:
        columns = source.columns or columns_of(scan(source).collect_schema())
        return Contents(rows=count(source, columns), columns=columns)
    except (pl.exceptions.PolarsError, Unfit, ValueError):
        return Contents()
