"""The outermost type of a JSON value, held against the types that an annotation names. Pure.

What is inside of lists and mappings is not looked at: that would cost a walk through every value, and a type checker
tells it before anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..types import JsonType

_CLASSES: dict[JsonType, tuple[type, ...]] = {
    JsonType.MAPPING: (Mapping,),
    JsonType.LIST: (Sequence,),  # JSON writes a tuple as a list
    JsonType.TEXT: (str,),
    JsonType.INTEGER: (int,),
    JsonType.NUMBER: (float, int),  # in JSON an integer is a number, too
    JsonType.TRUTH: (bool,),
}


def mismatch(value: object, types: Sequence[JsonType], *, optional: bool = False) -> str:
    """What is wrong with a value that an annotation of these types is to give or take; "" where nothing is.

    Without types everything fits; None does where it is `optional`.

    >>> mismatch({"a": 1}, [JsonType.LIST]), mismatch(True, [JsonType.INTEGER]), mismatch(3, [JsonType.NUMBER])
    ('the value is a dict, not a list', 'the value is a bool, not an int', '')
    """
    if not types or (value is None and optional) or any(_is(value, one) for one in types):
        return ""
    found = "None" if value is None else article(type(value).__name__)
    return f"the value is {found}, not {' or '.join(article(one.value) for one in types)}"


def _is(value: object, one: JsonType) -> bool:
    if isinstance(value, bool):  # which Python takes for an integer, and JSON does not
        return one is JsonType.TRUTH
    if one is JsonType.LIST and isinstance(value, str | bytes | bytearray):
        return False
    return isinstance(value, _CLASSES[one])


def article(name: str) -> str:
    """The name of a type with its article.

    >>> article("int"), article("Opaque"), article("dict")
    ('an int', 'an Opaque', 'a dict')
    """
    return f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"
