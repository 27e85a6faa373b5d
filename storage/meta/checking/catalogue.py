"""Checks: whatever is declared has what others rely on: a definition, a place on the agenda, one URI."""

from __future__ import annotations

from .check import Check, asks

_DEFINED = """
SELECT a.name, a.definition_digest FROM assets a WHERE a.removed_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM definitions d WHERE d.asset_id = a.id AND d.digest = a.definition_digest
)
"""
_ON_AGENDA = """
SELECT a.name FROM assets a WHERE a.removed_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM agenda g WHERE g.asset_id = a.id
)
"""
_ALIASES = """
SELECT x.uri, d.name, d.project AS theirs, x.project, o.name AS other
FROM aliases x JOIN datasets d ON d.id = x.dataset_id
LEFT JOIN datasets o ON o.project = x.project AND o.uri = x.uri AND o.removed_at IS NULL AND o.id <> x.dataset_id
WHERE d.project <> x.project OR o.id IS NOT NULL
"""
_PRODUCERS = """
SELECT d.name, a.name AS asset FROM datasets d JOIN assets a ON a.id = d.producer_id
WHERE d.removed_at IS NULL AND (a.removed_at IS NOT NULL OR a.project <> d.project)
"""

CHECKS = (
    Check(
        name="definitions",
        rule="The definition that an asset is registered with is kept.",
        find=asks(
            _DEFINED,
            rows="asset {name}",
            found="no definition with the digest {definition_digest}",
            expected="one that is kept",
        ),
        advice="`penstock materialize`, or a tick, registers the definitions anew once one of them is changed.",
    ),
    Check(
        name="agenda",
        rule="Each asset has its row on the agenda.",
        find=asks(_ON_AGENDA, rows="asset {name}", found="no row: no planner will ever look at it", expected="a row"),
    ),
    Check(
        name="aliases",
        rule="The alias of a dataset is no URI of another one.",
        find=asks(
            _ALIASES,
            rows="alias {uri} of dataset {name}, in project {project}",
            found="dataset {other} has this URI; {name} is of project {theirs}",
            expected="a URI that no other dataset of the project has",
        ),
    ),
    Check(
        name="producers",
        rule="What a dataset is written by is declared.",
        find=asks(
            _PRODUCERS,
            rows="dataset {name}",
            found="written by {asset}, which is declared no more",
            expected="an asset of its project that is declared",
        ),
    ),
)
