"""Statements of the hot path: compiled once per dialect, then handed to the driver as they are.

SQLAlchemy spends about five times as long on executing a small statement as SQLite does. A run needs some twenty of
them, and their texts never change: here they are compiled by SQLAlchemy, for whichever database, and executed past
it, on the connection and in the transaction that it holds. What is not hot is executed by SQLAlchemy as usual.

`Prepared` changes or finds one row, or a few; `Listed` finds the rows of many numbers, at once or one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import count, repeat
from operator import itemgetter
from typing import Any
from typing import cast as known_as

import orjson
from sqlalchemy import Boolean, ColumnElement, Integer, SelectBase, Subquery, bindparam, cast, select
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeEngine

from ...errors import Bug
from .engine import Transaction

Parameters = Mapping[str, Any]
Raw = tuple[Any, ...]
"""A row as the driver gives it."""


class _Compiled:
    """The statement for one dialect: its text, and how its parameters are handed over."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, keys: tuple[str, ...]) -> None:
        compiled = known_as("SQLCompiler", statement.compile(dialect=dialect, column_keys=list(keys)))
        self.text = str(compiled)
        fixed = {name: value for name, value in dict(compiled.params).items() if name not in keys}
        types = {name: bind.type for bind, name in compiled.bind_names.items()}
        self._names = tuple((compiled.positiontup or ()) if compiled.positional else types)
        self._positional = compiled.positional
        self._fixed: list[Any] = [None] * len(self._names)
        self._given: list[tuple[int, str]] = []
        self._processed: list[tuple[int, str, Callable[[Any], Any]]] = []
        for place, name in enumerate(self._names):
            process = types[name].dialect_impl(dialect).bind_processor(dialect)
            if name in fixed:
                value = fixed[name] if process is None else process(fixed[name])
                self._fixed[place] = value.value if isinstance(value, Enum) else value
            elif process is None:
                self._given.append((place, name))
            else:
                self._processed.append((place, name, process))

    def arguments(self, given: Parameters) -> Any:
        """The parameters as the driver takes them: in order, or by name."""
        values = self._fixed.copy()
        for place, name in self._given:
            values[place] = given[name]
        for place, name, process in self._processed:
            values[place] = process(given[name])
        return values if self._positional else dict(zip(self._names, values, strict=True))

    def each_arguments(self, rows: Sequence[Parameters]) -> Iterator[Any]:
        """The same of each of the rows. Made column by column: most need nothing done to them, and are then moved
        without a step of Python for each value."""
        columns: list[Iterable[Any]] = [repeat(value, len(rows)) for value in self._fixed]
        for place, name in self._given:
            columns[place] = map(itemgetter(name), rows)
        for place, name, process in self._processed:
            columns[place] = map(process, map(itemgetter(name), rows))
        values = zip(*columns, strict=True) if columns else repeat((), len(rows))
        return values if self._positional else (dict(zip(self._names, one, strict=True)) for one in values)


def _executed(tx: Transaction, text: str, arguments: Any) -> DBAPICursor:
    """A cursor that the driver executed the statement with; what it raises becomes SQLAlchemy's error for it."""
    driver: Any = tx.connection.dbapi_connection
    try:
        return driver.execute(text, arguments)
    except Exception as error:
        _tell(tx, text, error)
        raise


def _tell(tx: Transaction, text: str, error: Exception) -> None:
    """Raise what SQLAlchemy has for an error of the driver."""
    driver = tx.dialect.dbapi
    if driver is not None and isinstance(error, driver.Error):
        raise DBAPIError.instance(text, None, error, driver.Error, hide_parameters=True) from error


_names = count()


class Prepared:
    """A statement whose parameters are `bindparam`s, or the columns of an insert; no list among them."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._by_dialect: dict[tuple[str, tuple[str, ...]], _Compiled] = {}
        self._converters: dict[str, _Converter] = {}

    def run(self, tx: Transaction, parameters: Parameters) -> int:
        """Execute it; how many rows it changed."""
        compiled = self._compiled(tx, parameters)
        return _executed(tx, compiled.text, compiled.arguments(parameters)).rowcount

    def run_many(self, tx: Transaction, rows: Sequence[Parameters]) -> int:
        """Execute it for each of the rows, which have the same keys; how many rows it changed in all."""
        compiled = self._compiled(tx, rows[0])
        if len(rows) == 1:
            return _executed(tx, compiled.text, compiled.arguments(rows[0])).rowcount
        cursor = tx.connection.cursor()
        try:
            cursor.executemany(compiled.text, list(compiled.each_arguments(rows)))
            return cursor.rowcount
        except Exception as error:
            _tell(tx, compiled.text, error)
            raise
        finally:
            cursor.close()

    def first(self, tx: Transaction, parameters: Parameters) -> tuple[Any, ...] | None:
        """The first row as the driver gives it: for columns of numbers and texts only."""
        compiled = self._compiled(tx, parameters)
        row: tuple[Any, ...] | None = _executed(tx, compiled.text, compiled.arguments(parameters)).fetchone()
        return row

    def rows(self, tx: Transaction, parameters: Parameters) -> list[tuple[Any, ...]]:
        """The rows of a query, in the types of their columns."""
        found, convert = self._found(tx, parameters)
        return list(convert(found))

    def others(
        self, tx: Transaction, parameters: Parameters, known: Sequence[Raw]
    ) -> tuple[Sequence[Raw], list[tuple[Any, ...]]]:
        """All rows of a query as the driver gives them, to be `known` next time; and of them those that are not what
        stood at their place in `known`, in the types of their columns. What is as it was costs no conversion."""
        found, convert = self._found(tx, parameters)
        changed = [row for row, before in zip(found, known, strict=False) if row != before]
        return found, list(convert([*changed, *found[len(known) :]]))

    def returned(self, tx: Transaction, parameters: Parameters) -> int:
        """The one number that it returns: the id of what it inserted."""
        row = self.first(tx, parameters)
        if row is None:
            raise Bug(f"a statement returned nothing: {self._statement}")
        return int(row[0])

    def _found(self, tx: Transaction, parameters: Parameters) -> tuple[Sequence[Raw], _Converter]:
        compiled = self._compiled(tx, parameters)
        convert = self._converters.get(tx.dialect.name)
        if convert is None:
            convert = self._converters[tx.dialect.name] = _converter(
                known_as("SelectBase", self._statement), tx.dialect
            )
        return _executed(tx, compiled.text, compiled.arguments(parameters)).fetchall(), convert

    def _compiled(self, tx: Transaction, parameters: Parameters) -> _Compiled:
        key = (tx.dialect.name, tuple(parameters))
        compiled = self._by_dialect.get(key)
        if compiled is None:
            compiled = self._by_dialect[key] = _Compiled(self._statement, tx.dialect, key[1])
        return compiled


class _Numbers(ColumnElement[int]):
    """A list of numbers that `Listed.rows` is given, as a subquery: one parameter, however long it is."""

    inherit_cache = True
    type = Integer()

    def __init__(self, name: str) -> None:
        self.given = bindparam(f"b_{name}", type_=NullType())


@compiles(_Numbers, "sqlite")
def _numbers_in_json(element: _Numbers, compiler: SQLCompiler, **given: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.given, **given)}))"  # noqa: S608  a place, no value


@compiles(_Numbers)
def _numbers_in_array(element: _Numbers, compiler: SQLCompiler, **given: Any) -> str:
    return f"(SELECT unnest(CAST({compiler.process(element.given, **given)} AS BIGINT[])))"


def among(column: ColumnElement[Any], name: str = "numbers") -> ColumnElement[bool]:
    """That a column is one of the numbers that `Listed.rows` is given, or one of its further lists by this name."""
    return column.op("IN", is_comparison=True)(_Numbers(name))


class _EachOf(FunctionElement[Any]):
    """The elements of a JSON list, as a table with the column `value`."""

    inherit_cache = True
    name = "each_of"


@compiles(_EachOf, "sqlite")
def _json_each(element: _EachOf, compiler: SQLCompiler, **given: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **given)})"


@compiles(_EachOf)
def _json_elements(element: _EachOf, compiler: SQLCompiler, **given: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **given)} AS JSON))"


class _Cell(FunctionElement[Any]):
    """What stands at a place, counted from 0, of a JSON list."""

    inherit_cache = True
    name = "cell"

    def __init__(self, row: ColumnElement[Any], place: int) -> None:
        super().__init__(row)
        self.place = place


@compiles(_Cell, "sqlite")
def _json_extract(element: _Cell, compiler: SQLCompiler, **given: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **given)}, '$[{element.place}]')"


@compiles(_Cell)
def _json_cell(element: _Cell, compiler: SQLCompiler, **given: Any) -> str:
    return f"({compiler.process(element.clauses, **given)} ->> {element.place})"


class _IsRow(FunctionElement[bool]):
    """That a row is a list, as each is."""

    inherit_cache = True
    type = Boolean()
    name = "is_row"


@compiles(_IsRow, "sqlite")
def _anything(element: _IsRow, compiler: SQLCompiler, **given: Any) -> str:
    del element, compiler, given
    return "TRUE"


@compiles(_IsRow)
def _json_list(element: _IsRow, compiler: SQLCompiler, **given: Any) -> str:
    return f"json_typeof({compiler.process(element.clauses, **given)}) = 'array'"


def given_rows(name: str, **columns: TypeEngine[Any]) -> Subquery:
    """Rows that a `Prepared` is given as one parameter, as a table to join: one statement then does for thousands of
    rows what would be a statement for each. `as_rows` makes the value of its parameter, which is `b_<name>`.

    >>> claims = given_rows("claims", asset=WHOLE, run=TEXT)  # doctest: +SKIP
    >>> Prepared(...).run(tx, {"b_claims": as_rows([(7, "run-1"), (8, None)])})  # doctest: +SKIP
    """
    return _given(name, columns, sought=False)


def sought_rows(name: str, **columns: TypeEngine[Any]) -> Subquery:
    """The same where what they are joined with is sought by a key, row for row. PostgreSQL takes any such list for one
    of a hundred rows, and would rather read tables of ten thousand from end to end; of those that fulfil a condition it
    expects one in two hundred."""
    return _given(name, columns, sought=True)


def _given(name: str, columns: Mapping[str, TypeEngine[Any]], *, sought: bool) -> Subquery:
    rows = _EachOf(bindparam(f"b_{name}", type_=NullType())).table_valued("value", name=f"each_{name}")
    cells = (cast(_Cell(rows.c.value, place), columns[title]).label(title) for place, title in enumerate(columns))
    query = select(*cells).select_from(rows)
    return (query.where(_IsRow(rows.c.value)) if sought else query).subquery(name)


def as_rows(rows: Sequence[Sequence[int | str | None]]) -> str:
    """The value of a parameter of `given_rows`: a value for each column, in their order."""
    return orjson.dumps(rows).decode()


class Listed:
    """A query for the rows of many numbers: `Listed(select(t.c.name).where(among(t.c.id)))`."""

    def __init__(self, query: SelectBase) -> None:
        self._query = query
        self._by_dialect: dict[str, tuple[_Compiled, _Converter]] = {}

    def __str__(self) -> str:
        return str(self._query)

    def rows(self, tx: Transaction, numbers: Sequence[int], **further: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """The rows, in the types of their columns; all are read before the first is given."""
        text, arguments, convert = self._asked(tx, {"numbers": numbers, **further})
        return iter(convert(_executed(tx, text, arguments).fetchall()))

    def stream(self, tx: Transaction, numbers: Sequence[int], **further: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """The rows, in the types of their columns, read as they are asked for: a few hundred are in memory."""
        text, arguments, convert = self._asked(tx, {"numbers": numbers, **further})
        # SQLite's cursors read as they are asked; those of psycopg only if they have a name.
        named = tx.dialect.name == "postgresql"
        cursor = tx.connection.cursor(f"penstock_{next(_names)}") if named else tx.connection.cursor()
        try:
            cursor.execute(text, arguments)
            while found := cursor.fetchmany(_AT_ONCE):
                yield from convert(found)
        except Exception as error:
            _tell(tx, text, error)
            raise
        finally:
            cursor.close()

    def _asked(self, tx: Transaction, lists: Mapping[str, Sequence[int]]) -> tuple[str, Any, _Converter]:
        known = self._by_dialect.get(tx.dialect.name)
        if known is None:
            compiled = _Compiled(self._query, tx.dialect, tuple(f"b_{name}" for name in lists))
            known = self._by_dialect[tx.dialect.name] = (compiled, _converter(self._query, tx.dialect))
        compiled, convert = known
        json_lists = tx.dialect.name == "sqlite"
        given = {
            f"b_{name}": orjson.dumps(list(one)).decode() if json_lists else list(one) for name, one in lists.items()
        }
        return compiled.text, compiled.arguments(given), convert


_AT_ONCE = 500
_Converter = Callable[[Sequence[Raw]], Iterable[Raw]]


def _converter(query: SelectBase, dialect: Dialect) -> _Converter:
    """From the driver's rows to those in the types of the columns; column by column, as few need anything done."""
    steps = [
        (place, process)
        for place, column in enumerate(query.selected_columns)
        if (process := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
    ]

    def convert(rows: Sequence[Raw]) -> Iterable[Raw]:
        if not rows or not steps:
            return rows
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for place, process in steps:
            columns[place] = map(process, columns[place])
        return zip(*columns, strict=True)

    return convert
