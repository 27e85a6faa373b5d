"""Where the partitions of a dataset lie: URI templates with a placeholder for each dimension, `daily/{day}.parquet`.

The template is the dataset's identity. A key stands in a path as it is written; what could be read otherwise there is
escaped by `%`. In a part of a path that holds several placeholders static and dynamic keys are escaped but for letters,
digits and `_`, so that one path is one key.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote, unquote

from ....storage import uri as uris
from ....storage.errors import DefinitionError, UsageError
from .named import Static
from .partition import SEPARATOR, Dimension, Partitioning

_PLACEHOLDER = re.compile(r"\{([^{}/]*)\}")
_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KEPT = frozenset("_-.=+ ()!'&$,")
_WEB = frozenset({"http", "https"})
_SHOWN = 50  # so many static keys are tried in the place of a placeholder


def placeholders(uri: str) -> tuple[str, ...]:
    """The names in braces, from left to right.

    >>> placeholders("s3://logs/date={day}/hour={hour}/part.parquet")
    ('day', 'hour')
    """
    return tuple(_PLACEHOLDER.findall(uri))


def require_template(uri: str, partitioning: Partitioning | None) -> None:
    """The placeholders of a URI are the dimensions of its partitioning, each once.

    Raises
    ------
    DefinitionError: they are not; the hint says what to write.
    """
    named = placeholders(uri)
    if partitioning is None:
        if _NAME.search(uri):
            text = f"dataset {uri}: it has {{{_NAME.findall(uri)[0]}}} in its URI and no partitions"
            raise DefinitionError(text, hint="Say how it is divided, e.g. partitions=Daily(start=…); or rename it.")
        return
    wanted = [one.name for one in partitioning.dimensions]
    unknown = [name for name in named if name not in wanted]
    twice = [name for place, name in enumerate(named) if name in named[:place]]
    missing = [name for name in wanted if name not in named]
    about = f"dataset {uri}: "
    if unknown or twice:
        what = f"{{{(unknown or twice)[0]}}} " + ("is no dimension of it" if unknown else "stands in its URI twice")
        raise DefinitionError(f"{about}{what}", hint=f"Its dimensions: {', '.join(wanted)}; each stands in it once.")
    if missing:
        lacking = ", ".join(f"{{{name}}}" for name in missing)
        raise DefinitionError(
            f"{about}its partitions have no place of their own: {lacking} is missing in its URI",
            hint=f"Write e.g. {_example(uri, missing)}.",
        )
    _require_apart(uri)


def path_of(uri: str, partitioning: Partitioning, key: str) -> str:
    """The identity of what lies where this partition lies.

    >>> from penstock import Daily
    >>> path_of("daily/{day}.parquet", Daily(start="2026-01-01"), "2026-01-05")
    'daily/2026-01-05.parquet'

    Raises
    ------
    UsageError: it is no key.
    """
    parts = partitioning.partition(key).parts
    scheme = uris.split(uri).scheme
    shown = {one.name: _escaped(one, parts[one.name], uri, scheme) for one in partitioning.dimensions}
    return _PLACEHOLDER.sub(lambda match: shown[match[1]], uri)


def key_of(uri: str, partitioning: Partitioning, path: str) -> str | None:
    """The key whose partition lies at a path; None when none does. Whether the definition has it is not asked.

    >>> from penstock import Daily
    >>> key_of("daily/{day}.parquet", Daily(start="2026-01-01"), "daily/2026-01-05.parquet")
    '2026-01-05'
    """
    key = _read(uri, partitioning, path)
    try:
        return key if key is not None and path_of(uri, partitioning, key) == path else None
    except UsageError:
        return None


def why_no_key(uri: str, partitioning: Partitioning, path: str) -> str:
    """Why `key_of` finds no key for a path, as the end of a sentence about it.

    >>> from penstock import Dynamic
    >>> why_no_key("of/{name}.json", Dynamic(name="name"), "of/100%.json")
    "the key '100%' lies at of/100%25.json"
    >>> why_no_key("of/{name}.json", Dynamic(name="name"), "of/a,b.json")
    "the key 'a,b' of name has a comma, which separates keys in a selection in it"
    """
    key = _read(uri, partitioning, path)
    if key is None:
        return "no key is written so"
    try:
        return f"the key {key!r} lies at {path_of(uri, partitioning, key)}"
    except UsageError as error:
        return error.message.partition("\n")[0]


def _read(uri: str, partitioning: Partitioning, path: str) -> str | None:
    """What stands in the place of the key in a path, read back; it may be no key, or lie elsewhere."""
    match = _pattern(uri, partitioning).fullmatch(path)
    if match is None:
        return None
    twice = uris.split(uri).scheme in _WEB | {"file"}
    parts = [match[one.name] for one in partitioning.dimensions]
    texts = [
        part if one.timed else unquote(unquote(part) if twice else part)
        for one, part in zip(partitioning.dimensions, parts, strict=True)
    ]
    return SEPARATOR.join(texts)


def name_of(uri: str) -> str:
    """What a dataset is called after its template: the last part without a placeholder, without its suffix.

    >>> name_of("daily/{day}.parquet"), name_of("s3://logs/date={day}/part.parquet"), name_of("daily-{day}.parquet")
    ('daily', 'part', 'daily')
    """
    if not placeholders(uri):
        return uris.name_of(uri)
    parts = uris.split(uri)
    segments = [part for part in parts.path.split("/") if part]
    whole = next((part for part in reversed(segments) if not placeholders(part)), parts.authority)
    if whole:
        return uris.name_of(whole) if whole == segments[-1] and not uri.endswith("/") else whole
    left = _PLACEHOLDER.sub("", segments[-1]).removesuffix(uris.suffix(uri)) if segments else ""
    return left.strip("-_=. ") or "dataset"


def shares_place(inner: str, partitioning: Partitioning | None, outer: str, around: Partitioning | None) -> bool:
    """Whether a partition of the one could lie where one of the other lies, or in the folder of it.

    >>> from penstock import Daily
    >>> days = Daily(start="2026-01-01")
    >>> shares_place("models/latest/card.json", None, "models/{day}/", days)
    False
    >>> shares_place("models/2026-01-05/card.json", None, "models/{day}/", days)
    True
    """
    mine, theirs = inner.split("/"), outer.rstrip("/").split("/")
    longer = len(mine) > len(theirs)
    if len(mine) < len(theirs) or (longer and not outer.endswith("/") and uris.split(outer).scheme not in {"", "file"}):
        return False
    return all(_coincide(a, partitioning, b, around) for a, b in zip(mine, theirs, strict=False))


def _coincide(one: str, first: Partitioning | None, two: str, second: Partitioning | None) -> bool:
    if "{" not in one and "{" not in two:
        return one == two
    seen, asked = _shapes(two, second), _shapes(one, first)
    return any(re.fullmatch(seen[0], text) for text in asked[1]) or any(
        re.fullmatch(asked[0], text) for text in seen[1]
    )


@lru_cache(maxsize=4096)
def _shapes(segment: str, partitioning: Partitioning | None) -> tuple[str, tuple[str, ...]]:
    """What a part of a template may look like: as a pattern, and some that it does look like."""
    texts, pattern = [""], ""
    pieces = _PLACEHOLDER.split(segment)
    dimensions = {one.name: one for one in partitioning.dimensions} if partitioning is not None else {}
    for place, piece in enumerate(pieces):
        one = dimensions.get(piece) if place % 2 else None
        if place % 2 == 0 or one is None:
            pattern += re.escape(piece)
            texts = [text + piece for text in texts]
            continue
        keys = one.keys[:_SHOWN] if isinstance(one, Static) else (next(one.select().walk(), "x"),)
        pattern += f"(?:{'|'.join(map(re.escape, one.keys))})" if isinstance(one, Static) else f"(?:{one.pattern})"
        texts = [text + key for text in texts for key in keys][:_SHOWN]
    return pattern, tuple(texts)


@lru_cache(maxsize=4096)
def _pattern(uri: str, partitioning: Partitioning) -> re.Pattern[str]:
    dimensions = {one.name: one for one in partitioning.dimensions}
    pieces = _PLACEHOLDER.split(uri)
    found = ""
    for place, piece in enumerate(pieces):
        if place % 2 == 0 or piece not in dimensions:
            found += re.escape(piece)
        else:
            loose = dimensions[piece].pattern if dimensions[piece].timed or not _shared(uri, piece) else r"(?:\w|%)+"
            found += f"(?P<{piece}>{loose})"
    return re.compile(found)


@lru_cache(maxsize=4096)
def _shared(uri: str, name: str) -> bool:
    """Whether a placeholder stands in a part of the path together with another."""
    return any(len(found) > 1 and name in found for part in uri.split("/") if (found := placeholders(part)))


def _escaped(dimension: Dimension, part: str, uri: str, scheme: str) -> str:
    if dimension.timed:
        return part
    kept = frozenset("_") if _shared(uri, dimension.name) else _KEPT
    found = "".join(
        character if _stands(character, kept, first=not place) else _percent(character)
        for place, character in enumerate(part)
    )
    if scheme in _WEB:  # these identities are escaped once more
        return quote(found, safe="!$&'()+,=")
    return found.replace("%", "%25") if scheme == "file" else found


def _stands(character: str, kept: frozenset[str], *, first: bool) -> bool:
    """Whether a character stands in a path as it is."""
    if character.isascii():
        hidden = first and character == "."  # a folder `.penstock` is nobody's
        return (character.isalnum() or character in kept) and not hidden
    joins = first and (unicodedata.category(character).startswith("M") or "\u1100" <= character <= "\u11ff")
    word = character.isalnum() or character == "_" or kept is _KEPT
    return word and not joins


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _require_apart(uri: str) -> None:
    """Two placeholders in one part of a path have something between them that no key has there."""
    for part in uri.split("/"):
        between = _PLACEHOLDER.split(part)[2:-1:2]
        if any(not re.search(r"[^\w%]", text) for text in between):
            raise DefinitionError(
                f"dataset {uri}: its placeholders stand too close, so that two keys could have one path",
                hint=f"Put a slash or a hyphen between them: {part.replace('}{', '}-{')}.",
            )
    if "{" in uris.split(uri).authority:
        raise DefinitionError(
            f"dataset {uri}: a placeholder stands where a bucket or host is named", hint="Put it into the path."
        )


def _example(uri: str, missing: list[str]) -> str:
    """The template with the missing placeholders where people put them."""
    holes = "-".join(f"{{{name}}}" for name in missing)
    stem, suffix = uri.rstrip("/"), uris.suffix(uri)
    if suffix == "/":
        return f'"{stem}/{holes}/"'
    return f'"{stem.removesuffix(suffix)}/{holes}{suffix}"'
