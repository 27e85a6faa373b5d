"""How well the index finds what is known to be there.

Asks and counts; the questions and their answers come from outside and are no part of any corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from .search import Index

CUTS = (1, 5, 10)


class Question(TypedDict):
    """A question, the documents any of which answers it, and its set: `development` (for tuning) or `held_out`."""

    question: str
    answers: list[str]
    split: str


def evaluate(index: Index, questions: Sequence[Question], k: int = 10) -> dict[str, Any]:
    """Recall at 1, 5 and 10 and mean reciprocal rank per set, and what was not found.

    Recall at n is the share of questions for which a passage of an answering document is among the first n. A question
    none of whose documents is in the corpus (another release of Python may have moved them) is counted as
    `not_in_corpus` and in nothing else.

    Returns
    -------
    `{"held_out": {"questions": 60, "not_in_corpus": 0, "recall_at_1": 0.6, …}, "development": {…}, "misses": […]}`
    """
    known = set(index.passages["doc_id"].unique())
    asked = [question for question in questions if known.intersection(question["answers"])]
    found = index.search([question["question"] for question in asked], k)
    ranks: dict[str, list[int]] = {question["split"]: [] for question in questions}
    misses: list[dict[str, Any]] = []
    for question, passages in zip(asked, found, strict=True):
        documents = passages["doc_id"].to_list()
        rank = next((place for place, doc_id in enumerate(documents, 1) if doc_id in question["answers"]), 0)
        ranks[question["split"]].append(rank)
        if not rank:
            first = list(dict.fromkeys(documents))[:3]
            misses.append({"question": question["question"], "wanted": question["answers"], "found": first})
    figures = {
        split: _figures(ranks[split], sum(question["split"] == split for question in questions))
        for split in sorted(ranks)
    }
    return {**figures, "misses": misses}


def _figures(ranks: Sequence[int], questions: int) -> dict[str, float]:
    """`ranks` are places from 1, 0 for not found."""
    asked = max(1, len(ranks))
    recall = {f"recall_at_{cut}": round(sum(0 < rank <= cut for rank in ranks) / asked, 4) for cut in CUTS}
    reciprocal = round(sum(1 / rank for rank in ranks if rank) / asked, 4)
    return {
        "questions": questions,
        "not_in_corpus": questions - len(ranks),
        **recall,
        "mean_reciprocal_rank": reciprocal,
    }
