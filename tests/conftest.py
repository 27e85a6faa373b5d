"""What every suite shares: how thoroughly property tests search, and the official OpenLineage schemas.

Set `HYPOTHESIS_PROFILE=thorough` to search longer. It must never hold fixtures that one suite alone needs.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

# Disks and shared cores are slow now and then: time says nothing about truth, so no deadline and no `too_slow`.
settings.register_profile("dev", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None, print_blob=True)
settings.register_profile("thorough", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


class Schemas:
    """The official OpenLineage schemas: `validate(event)` raises with every fault of a RunEvent and its facets."""

    def __init__(self, folder: Path) -> None:
        files = [folder / "OpenLineage.json", *folder.glob("published/**/*.json"), *folder.glob("facets/*.json")]
        documents = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        resources = [(document["$id"], DRAFT202012.create_resource(document)) for document in documents]
        self._registry: Any = EMPTY.with_resources(resources)
        self._validators: dict[str, Any] = {}

    def validate(self, event: Mapping[str, Any]) -> None:
        """Nothing, when the event is valid by the root schema 2-0-2 and each facet by the schema that it names."""
        faults = list(self._faults(f"{CORE}#/$defs/RunEvent", event, "event")) or list(
            self._faults(CORE, event, "event")
        )
        faults += self._facet_faults(event["run"].get("facets"), "run.facets")
        faults += self._facet_faults(event["job"].get("facets"), "job.facets")
        for side, own in (("inputs", "inputFacets"), ("outputs", "outputFacets")):
            for place, dataset in enumerate(event.get(side, ())):
                for key in ("facets", own):
                    faults += self._facet_faults(dataset.get(key), f"{side}[{place}].{key}")
        if faults:
            raise ValueError("\n".join(faults))

    def _facet_faults(self, facets: Mapping[str, Any] | None, where: str) -> Iterator[str]:
        """By the definition that the facet names, and under its own key by the document that holds it."""
        for key, facet in (facets or {}).items():
            url = facet.get("_schemaURL", "")
            if url.partition("#")[0] not in self._registry:
                yield f"{where}.{key}: no schema is known as {url!r}"
                continue
            yield from self._faults(url, facet, f"{where}.{key}")
            document = self._registry.contents(url.partition("#")[0])
            if key not in document.get("properties", {}):
                yield f"{where}.{key}: {url} is not the schema of a facet of that name"

    def _faults(self, url: str, value: object, where: str) -> Iterator[str]:
        if url not in self._validators:
            self._validators[url] = Draft202012Validator({"$ref": url}, registry=self._registry, format_checker=FORMATS)
        for error in self._validators[url].iter_errors(value):
            yield f"{where}{error.json_path[1:]}: {error.message}"


CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
EMPTY: Any = Registry()
FORMATS = FormatChecker(formats=("uuid",))

# RFC 3986 and RFC 3339: jsonschema checks these formats only where further libraries are installed.
_PATH = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?://(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@?"
    r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?(?=[/?#]|$))?"
    + _PATH
    + r"(?:\?(?:"
    + _PATH
    + r"|\?)*)?(?:#(?:"
    + _PATH
    + r"|\?)*)?"
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


@FORMATS.checks("uri")
def is_uri(value: object) -> bool:
    """Whether a text is an absolute URI."""
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


@FORMATS.checks("date-time", raises=ValueError)
def is_instant(value: object) -> bool:
    """Whether a text is a time with a zone."""
    if not isinstance(value, str):
        return True
    return _INSTANT.fullmatch(value) is not None and datetime.fromisoformat(value).tzinfo is not None


@pytest.fixture(scope="session")
def openlineage_schemas() -> Callable[[Mapping[str, Any]], None]:
    """`validate(event)`, which raises ValueError with every fault; skips where the official schemas are absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "openlineage-spec"
    if not folder.is_dir():
        pytest.skip(f"the official OpenLineage schemas are not at {folder}")
    return Schemas(folder).validate
