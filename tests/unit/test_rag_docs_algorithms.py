"""The algorithms of `examples/rag_docs`, called as the plain functions they are."""

from __future__ import annotations

import json
import sys
from email.message import Message
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

EXAMPLE = Path(__file__).parents[2] / "examples" / "rag_docs"
sys.path.insert(0, str(EXAMPLE))
try:
    from knowledge import chunking, docstrings, documents, embedding, evaluation, handbook, packages, search, terms
    from knowledge.answering import answer_sheet, questions_in
    from knowledge.documents import Document
finally:
    sys.path.remove(str(EXAMPLE))

TEXTS = st.text(alphabet=st.sampled_from("ab Z.\n#9é"), max_size=400)
WORDS = st.lists(st.sampled_from("index vector passage parquet licence json queries reading".split()), max_size=12)


def corpus(*texts: str) -> pl.DataFrame:
    """Documents with these texts."""
    rows = [Document(f"doc:{place:03}", f"Title {place}", "test 1.0", "MIT", text) for place, text in enumerate(texts)]
    return documents.frame_of(rows)


SMALL = corpus(
    "Parquet is a file format of columns. It compresses well.",
    "An index answers a question with passages.",
    "A licence says what you may do with a text.",
    "JSON is a text format. Parsing JSON is slow.",
)


def small_index(settings: embedding.Settings | None = None) -> tuple[pl.DataFrame, embedding.Embedder]:
    """The index of four documents, and the embedder that made it."""
    chunks = chunking.cut(SMALL, 200)
    embedder = embedding.fit(search.searchable(chunks), settings)
    return search.index_of(chunks, search.vectors_of(chunks, embedder)), embedder


@given(text=TEXTS, size=st.integers(min_value=1, max_value=90))
def test_passages_cover_the_text_and_keep_the_size(text: str, size: int) -> None:
    """Joined, the passages are the text; none is empty and none is longer than the size."""
    pieces = chunking.passages(text, size)
    assert "".join(pieces) == text
    assert all(1 <= len(piece) <= size for piece in pieces)


def test_a_heading_starts_a_passage() -> None:
    """Passages are cut before headings, so that an edit of one section leaves the passages of the others alone."""
    first, second = f"# One\n\n{'word ' * 20}\n\n", f"# Two\n\n{'word ' * 20}\n"
    assert chunking.passages(first + second, 200) == [first, second]


@given(texts=st.lists(TEXTS, max_size=6), size=st.integers(min_value=5, max_value=60))
def test_chunk_ids_are_unique_and_decided_by_document_and_passage_alone(texts: list[str], size: int) -> None:
    """Ids never clash, also when a document repeats itself, and do not depend on what else is in the corpus."""
    frame = corpus(*texts)
    ids = chunking.cut(frame, size)["chunk_id"].to_list()
    assert len(set(ids)) == len(ids)
    alone = [chunking.cut(frame[place], size)["chunk_id"].to_list() for place in range(frame.height)]
    assert sorted(ids) == sorted(chunk for document in alone for chunk in document)


def test_an_edit_changes_the_ids_of_its_own_section_only() -> None:
    """A sentence added under the second heading leaves the passage under the first as it was."""
    one, two = f"# One\n\n{'alpha ' * 30}\n", f"# Two\n\n{'beta ' * 30}\n"
    before = chunking.cut(corpus(one + two), 220)["chunk_id"].to_list()
    after = chunking.cut(corpus(f"{one}{two}One more sentence.\n"), 220)["chunk_id"].to_list()
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_size_of_nothing_is_refused() -> None:
    """A passage holds at least one character."""
    with pytest.raises(ValueError, match="at least 1"):
        chunking.passages("text", 0)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("read_parquet", ["read_parquet", "read", "parquet"]),
        ("JSONDecoder", ["jsondecoder", "json", "decoder"]),
        ("queries", ["query"]),
        ("the", []),
        ("2048", ["2048"]),
    ],
)
def test_identifiers_are_taken_apart_and_endings_taken_off(word: str, expected: list[str]) -> None:
    """An identifier is found by the whole of it and by its parts; stop words are not terms."""
    assert terms.terms_of(word) == expected


def test_counting_keeps_the_row_of_each_text() -> None:
    """A text without a term has no rows; the others keep their positions."""
    counted = terms.count_terms(pl.Series(["reading reads", "the", "Parquet"]))
    assert counted.rows() == [(0, "read", 2), (2, "parquet", 1)]


@given(texts=st.lists(WORDS.map(" ".join), min_size=1, max_size=5))
def test_a_vector_depends_on_its_own_text_only(texts: list[str]) -> None:
    """Embedding together or one by one gives the same bits."""
    _, embedder = small_index()
    together = embedder.embed(texts)
    assert together.shape == (len(texts), embedder.settings.dimensions)
    assert together.dtype == np.float32
    for row, text in zip(together, texts, strict=True):
        assert np.array_equal(row, embedder.embed([text])[0])


@given(words=WORDS)
def test_scores_are_exact_in_float32(words: list[str]) -> None:
    """The product in float32 equals the one in float64, so no order of summation can change a score."""
    index, embedder = small_index()
    matrix = index["vector"].to_numpy()
    question = embedder.embed([" ".join(words)])[0]
    assert np.array_equal(matrix @ question, matrix.astype(np.float64) @ question.astype(np.float64))


def test_an_embedder_comes_back_from_its_folder_and_makes_equal_bytes(tmp_path: Path) -> None:
    """Saved twice the bytes are equal; loaded, the identity and every vector are the same."""
    _, embedder = small_index()
    for folder in ("one", "two"):
        embedder.save(tmp_path / folder)
    for file in ("settings.json", "rarity.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    loaded = embedding.Embedder.load(tmp_path / "one")
    assert loaded.identity == embedder.identity
    assert np.array_equal(loaded.embed(["a question of JSON"]), embedder.embed(["a question of JSON"]))


def test_embedders_that_differ_have_different_identities() -> None:
    """Seed, constants and reference corpus are all part of the identity."""
    _, embedder = small_index()
    _, reseeded = small_index(embedding.Settings(seed=1))
    refitted = embedding.fit(pl.Series(["another corpus", "of two texts"]))
    assert len({embedder.identity, reseeded.identity, refitted.identity}) == 3


def test_a_reference_without_words_cannot_be_fitted() -> None:
    """There is nothing to learn from an empty corpus; the message says how large it was."""
    with pytest.raises(ValueError, match="0 passages"):
        embedding.fit(pl.Series([], dtype=pl.String))


def test_search_equals_comparing_every_pair() -> None:
    """The ranking is that of all inner products, ties in order of the index, without passages that share no word."""
    index, embedder = small_index()
    opened = search.Index.open(index, embedder)
    question = "how slow is parsing of a text format?"
    scores = [float(np.dot(embedder.embed([question])[0], row)) for row in index["vector"].to_numpy()]
    order = sorted((-score, place) for place, score in enumerate(scores) if score > 0)
    (found,) = opened.search([question], k=4)
    assert found["chunk_id"].to_list() == [index["chunk_id"][place] for _, place in order]
    assert found["rank"].to_list() == list(range(1, found.height + 1))
    assert found["doc_id"][0] == "doc:003"


def test_vectors_and_embedder_must_belong_together() -> None:
    """An index refuses missing vectors, vectors of two embedders, and questions embedded by another one."""
    index, embedder = small_index()
    chunks = chunking.cut(SMALL, 200)
    vectors = search.vectors_of(chunks, embedder)
    with pytest.raises(ValueError, match="share 3 chunk_ids"):
        search.index_of(chunks, vectors.head(3))
    mixed = vectors.with_columns(pl.Series("embedder", ["a", "a", "a", "b"]))
    with pytest.raises(ValueError, match="2 embedders"):
        search.index_of(chunks, mixed)
    with pytest.raises(ValueError, match=embedder.identity):
        search.Index.open(index, embedding.fit(pl.Series(["another corpus"])))


def test_recall_counts_what_is_known_to_be_there() -> None:
    """Of two questions one is found first; one whose document is not in the corpus counts in no share."""
    index, embedder = small_index()
    questions: list[evaluation.Question] = [
        {"question": "What is slow about JSON?", "answers": ["doc:003"], "split": "held_out"},
        {"question": "Parquet columns", "answers": ["doc:002"], "split": "held_out"},
        {"question": "Anything", "answers": ["doc:gone"], "split": "held_out"},
    ]
    report = evaluation.evaluate(search.Index.open(index, embedder), questions)
    held_out = report["held_out"]
    assert (held_out["questions"], held_out["not_in_corpus"], held_out["recall_at_1"]) == (3, 1, 0.5)


def test_every_held_out_question_has_an_answer_and_none_is_in_the_handbook() -> None:
    """At least thirty questions are held out, all differ, and none stands word for word in a document of ours."""
    questions = json.loads((EXAMPLE / "questions.json").read_text(encoding="utf-8"))
    assert sum(question["split"] == "held_out" for question in questions) >= 30
    assert all(question["answers"] for question in questions)
    assert len({question["question"] for question in questions}) == len(questions)
    written = "\n".join(documents.frame_of(handbook.read_handbook(EXAMPLE / "handbook"))["text"])
    assert not [question["question"] for question in questions if question["question"] in written]


def test_the_handbook_states_title_and_licence() -> None:
    """Every document of the handbook is CC-BY-4.0 by its own front matter, which is no part of the text."""
    frame = documents.frame_of(handbook.read_handbook(EXAMPLE / "handbook"))
    assert frame["licence"].unique().to_list() == ["CC-BY-4.0"]
    assert frame["text"].str.starts_with("# ").all()
    assert frame.filter(pl.col("title") == pl.col("doc_id")).is_empty()


def test_a_document_without_front_matter_has_an_unknown_licence(tmp_path: Path) -> None:
    """A licence is never guessed."""
    (tmp_path / "plain.md").write_text("# Plain\n\nNo front matter.\n", encoding="utf-8")
    (document,) = handbook.read_handbook(tmp_path)
    assert (document.doc_id, document.licence) == ("handbook:plain", "unknown")


def test_an_answer_quotes_and_says_where_from() -> None:
    """The quotation is word for word; origin and licence stand below it; without a common word there is no answer."""
    index, embedder = small_index()
    sheet = answer_sheet(search.Index.open(index, embedder), ["Is parsing JSON slow?", "?"])
    assert "Parsing JSON is slow." in sheet
    assert "1. `doc:003` “Title 3” from test 1.0, licence MIT" in sheet
    assert "Nothing in the index answers this." in sheet


def test_questions_are_lines() -> None:
    """Empty lines and comments are no questions."""
    assert questions_in("# a comment\n\n What is this?\n") == ["What is this?"]


def test_docstrings_are_read_without_importing(tmp_path: Path) -> None:
    """Public names with their signatures, also under `if`, without private ones and short texts; nothing is run."""
    module = tmp_path / "thing.py"
    module.write_text(
        '"""A module that would fail when it is imported."""\n'
        "odd = '\\d'\n"
        "if True:\n    def go(far: int = 3):\n"
        '        """Go as far as you are told to."""\n'
        'def _hidden():\n    """Long enough, but nobody\'s business."""\n'
        "raise RuntimeError\n",
        encoding="utf-8",
    )
    assert dict(docstrings.read_docstrings(module, "thing")) == {
        "thing": "A module that would fail when it is imported.",
        "thing.go": "go(far: int=3)\n\nGo as far as you are told to.",
    }
    assert list(docstrings.read_docstrings(tmp_path / "gone.py", "gone")) == []


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "MIT AND Zlib")], "MIT AND Zlib"),
        ([("License", "CC0-1.0 OR Apache-2.0")], "CC0-1.0 OR Apache-2.0"),
        ([("License", "Apache 2.0")], "Apache-2.0"),
        ([("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        ([("License", "BSD-3-Clause"), ("Classifier", "License :: OSI Approved :: BSD License")], "BSD-3-Clause"),
        ([("Classifier", "License :: OSI Approved :: BSD License")], "LicenseRef-BSD"),
        ([("License", "Permission is hereby granted, free of charge, …")], "unknown"),
        ([], "unknown"),
    ],
)
def test_a_licence_is_read_and_not_guessed(fields: list[tuple[str, str]], licence: str) -> None:
    """The expression counts first; a classifier that does not say which BSD stays undecided; prose is unknown."""
    metadata = Message()
    for key, value in fields:
        metadata[key] = value
    assert packages.licence_of(metadata) == licence


def test_equal_texts_are_kept_once() -> None:
    """Two documents that differ in white space only are one, the one whose id sorts first."""
    one = corpus("Same text.", "Same\n text.", "Another text.")
    assert documents.one_corpus(one.lazy()).collect()["doc_id"].to_list() == ["doc:000", "doc:002"]
