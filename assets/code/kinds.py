"""Which form of a dataset (`ValueKind`) an annotation means: a table of dotted names, and what it says of compounds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, ForwardRef, Literal, cast

from ...storage.types import KIND_NAMES, JsonType, ValueKind
from .forms import Form

KINDS: dict[str, ValueKind] = {
    "polars.LazyFrame": ValueKind.LAZY_FRAME,
    "polars.lazyframe.LazyFrame": ValueKind.LAZY_FRAME,
    "polars.lazyframe.frame.LazyFrame": ValueKind.LAZY_FRAME,
    "polars.DataFrame": ValueKind.FRAME,
    "polars.dataframe.DataFrame": ValueKind.FRAME,
    "polars.dataframe.frame.DataFrame": ValueKind.FRAME,
    "pyarrow.Table": ValueKind.TABLE,
    "pyarrow.lib.Table": ValueKind.TABLE,
    "builtins.bytes": ValueKind.BYTES,
    "builtins.str": ValueKind.TEXT,
    "builtins.dict": ValueKind.JSON,
    "builtins.list": ValueKind.JSON,
    "builtins.int": ValueKind.JSON,
    "builtins.float": ValueKind.JSON,
    "builtins.bool": ValueKind.JSON,
    "TypedDict": ValueKind.JSON,
    "collections.abc.Mapping": ValueKind.JSON,
    "collections.abc.Sequence": ValueKind.JSON,
    "pathlib.Path": ValueKind.PATH,
    "pathlib._local.Path": ValueKind.PATH,
    "pathlib.PosixPath": ValueKind.PATH,
    "pathlib.WindowsPath": ValueKind.PATH,
    "penstock.Version": ValueKind.VERSION,
    "penstock.Opaque": ValueKind.OPAQUE,
}
"""The form that an annotation means, by its dotted name."""

_JSON_TYPES: dict[str, JsonType] = {
    "builtins.dict": JsonType.MAPPING,
    "TypedDict": JsonType.MAPPING,
    "collections.abc.Mapping": JsonType.MAPPING,
    "builtins.list": JsonType.LIST,
    "collections.abc.Sequence": JsonType.LIST,
    "builtins.str": JsonType.TEXT,
    "builtins.int": JsonType.INTEGER,
    "builtins.float": JsonType.NUMBER,
    "builtins.bool": JsonType.TRUTH,
}
"""What a value of a JSON annotation is on its outside."""

_INSTEAD = {
    "pandas": "Take or give polars.DataFrame and convert inside: .to_pandas(), pl.from_pandas(…).",
    "numpy": "Take or give polars.DataFrame and convert inside: .to_numpy(), pl.from_numpy(…); or a pathlib.Path.",
    "builtins.tuple": "JSON has lists: write list[…].",
    "builtins.set": "JSON has no sets: write list[…].",
    "builtins.bytearray": "Write bytes.",
    "os.PathLike": "Write pathlib.Path.",
    "penstock.assets.declare.partitions.partition.Partition": "A parameter annotated Partition, and nothing beside "
    "it, takes the one that is made.",
}
_STREAMS = frozenset({"Iterator", "Iterable", "Generator"})
_GIVEN_AS_FRAMES = frozenset({"pyarrow.Table", "pyarrow.lib.Table", "pyarrow.RecordBatch", "pyarrow.lib.RecordBatch"})
"""What a producer may give piece by piece beside polars' own frames, which are what a consumer takes."""
_ASYNCHRONOUS = frozenset({"AsyncIterator", "AsyncIterable", "AsyncGenerator", "Awaitable", "Coroutine"})
_JSON_PARTS = frozenset({ValueKind.JSON, ValueKind.TEXT})
KNOWN_FORMS = (
    "pl.LazyFrame, pl.DataFrame, pa.Table, Iterator[pl.DataFrame], bytes, str, dict, list, int, float, bool, a "
    "TypedDict, Any, pathlib.Path, penstock.Version (inputs) or penstock.Opaque (outputs)"
)
_AS_PICKLE = "Any other Python object is a pickle: at a URI that ends in `.pkl`."


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an annotation means for a dataset; `why` says why it means nothing.

    `json` are the outermost types that it names, of a JSON value or a text. `item` is what each output of a mapping
    means. `found` is the class that it names, where it is loaded. A `why` beside the kind OBJECT counts where the
    dataset does not keep any Python object.
    """

    kind: ValueKind | None = None
    json: tuple[JsonType, ...] = ()
    optional: bool = False
    outputs: Literal["", "mapping", "stream"] = ""
    item: Meaning | None = None
    found: type | None = None
    why: str = ""
    hint: str = ""


def meaning_of(form: Form, *, giving: bool = False) -> Meaning:
    """What a form means for a dataset that is taken, or given."""
    if form.name == "Union":
        return _union(form, giving=giving)
    last = form.name.rpartition(".")[2]
    if form.name in {"Any", "builtins.object", "None"}:
        return Meaning()
    if form.name == "Literal":
        names = {f"builtins.{type(value).__name__}" for value in form.values}
        types = tuple(one for one in JsonType if any(_JSON_TYPES.get(name) is one for name in names))
        return Meaning(
            kind=ValueKind.TEXT if names == {"builtins.str"} else ValueKind.JSON,
            json=types if names <= set(_JSON_TYPES) else (),
        )
    if last in _ASYNCHRONOUS:
        return Meaning(
            why="is asynchronous, and producers are not awaited", hint=f"Write Iterator[…] or {KNOWN_FORMS}."
        )
    if last in _STREAMS:
        return _stream(form, giving=giving)
    name = penstock_name(form.name) or form.name.replace("typing.", "collections.abc.")
    kind = KINDS.get(name)
    if kind is None:
        hint = next(
            (hint for name, hint in _INSTEAD.items() if form.name.startswith(name)), f"Write one of: {KNOWN_FORMS}."
        )
        return Meaning(
            kind=None if penstock_name(form.name) else ValueKind.OBJECT,
            found=form.found if isinstance(form.found, type) else None,
            why=f"is {form.name}, a form that datasets are not read or written in",
            hint=hint if penstock_name(form.name) else f"{hint} {_AS_PICKLE}",
        )
    json = (_JSON_TYPES[name],) if name in _JSON_TYPES else ()
    return _json(form, json, giving=giving) if kind is ValueKind.JSON else Meaning(kind=kind, json=json)


def _union(form: Form, *, giving: bool) -> Meaning:
    optional = any(arg.name == "None" for arg in form.args)
    meanings = [meaning_of(arg, giving=giving) for arg in form.args if arg.name != "None"]
    wrong = _wrong(meanings)
    if wrong is not None:
        return replace(wrong, optional=optional) if len(meanings) == 1 else _either(wrong, optional=optional)
    kinds = {meaning.kind for meaning in meanings}
    if kinds and kinds <= _JSON_PARTS and ValueKind.JSON in kinds:
        kinds = {ValueKind.JSON}
    if len(kinds) > 1:
        return Meaning(
            kind=ValueKind.OBJECT,
            optional=optional,
            why="names several forms",
            hint="Write one of them; several are JSON values alone (`int | str`, `dict | list`)"
            + ("." if giving else ", and `| None` may stand beside any."),
        )
    first = meanings[0] if meanings else Meaning()
    named = {one for meaning in meanings for one in meaning.json}
    return replace(
        first,
        kind=next(iter(kinds), None),
        json=tuple(one for one in JsonType if one in named) if all(meaning.json for meaning in meanings) else (),
        optional=optional,
    )


def _wrong(meanings: list[Meaning]) -> Meaning | None:
    """The first part that means nothing, one that means nothing anywhere before what a pickle holds."""
    found = [meaning for meaning in meanings if meaning.why]
    return next((meaning for meaning in found if meaning.kind is None), found[0] if found else None)


def _either(wrong: Meaning, *, optional: bool) -> Meaning:
    """What a union of several means of which one part is wrong: nothing is known of its class and its type."""
    return replace(wrong, json=(), outputs="", found=None, optional=optional)


def _stream(form: Form, *, giving: bool) -> Meaning:
    of = form.args[0].name if form.args else ""
    if penstock_name(of) == "penstock.Output":
        return Meaning(outputs="stream")
    if KINDS.get(of) is ValueKind.FRAME or (giving and of in _GIVEN_AS_FRAMES):
        return Meaning(kind=ValueKind.FRAMES)
    what = of or "it does not say of what"
    return Meaning(
        why=f"is a stream, but of no frames ({what})",
        hint="Write Iterator[pl.DataFrame], or Iterator[penstock.Output] for several outputs.",
    )


def _json(form: Form, json: tuple[JsonType, ...], *, giving: bool) -> Meaning:
    """A JSON value; where a producer gives a mapping, it may also be several outputs by name."""
    mapping = giving and form.name.rpartition(".")[2] in {"dict", "Mapping", "TypedDict"}
    parts = [arg for arg in form.args if arg.name != "..."]
    meanings = [meaning_of(arg) for arg in (parts[1:] if mapping else parts)]
    wrong = _wrong(meanings)
    if wrong is not None:
        return replace(wrong, json=json, found=None, outputs="mapping" if mapping else "")
    plain = all(meaning.kind is None or meaning.kind in _JSON_PARTS for meaning in meanings)
    if not giving and json == (JsonType.MAPPING,) and meanings == [_A_TEXT, Meaning(kind=ValueKind.VERSION)]:
        return Meaning(kind=ValueKind.VERSION, json=json)  # several partitions, by key
    if not plain and not mapping:
        hint = f"JSON holds dict, list, str, int, float, bool and None. {_AS_PICKLE}"
        return Meaning(kind=ValueKind.OBJECT, json=json, why="is no JSON value", hint=hint)
    return Meaning(
        kind=ValueKind.JSON if plain else None,
        json=json if plain else (),
        outputs="mapping" if mapping else "",
        item=meanings[0] if mapping and meanings else None,
    )


_A_TEXT = Meaning(kind=ValueKind.TEXT, json=(JsonType.TEXT,))


def penstock_name(name: str) -> str:
    """The public name of something of penstock's, wherever it is defined; "" for anything else."""
    top, _, rest = name.partition(".")
    return f"penstock.{rest.rpartition('.')[2]}" if top == "penstock" else ""


def shown(annotation: object) -> str:
    """An annotation as it is written, or nearly: a class that is loaded by the name that messages give its form.

    >>> shown("list[int]"), shown(dict[str, int]), shown(bytes)
    ('list[int]', 'dict[str, int]', 'bytes')
    """
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    if isinstance(annotation, type) and not hasattr(annotation, "__origin__"):
        module = annotation.__module__
        return _public(annotation.__qualname__ if module == "builtins" else f"{module}.{annotation.__qualname__}")
    return _DOTTED.sub(lambda found: _public(found[0]), str(cast("Any", annotation)))


_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")


def _public(name: str) -> str:
    """The name that messages give a form, for that of its class: it lies where nobody imports it from."""
    public = penstock_name(name) or name
    kind = KINDS.get(public)
    return public.removeprefix("typing.") if kind is None or kind is ValueKind.JSON else KIND_NAMES[kind]
