"""Documents in, a searchable index and a quoted answer out: every dataset, and when it is to be made.

    handbook/ → handbook_docs ┐
    stdlib_docs  ─────────────┼→ documents ┬→ provenance → licence_report
    package_docs ─────────────┘            └→ chunks → vectors → index ┬→ evaluation ← questions.json
    stdlib_docs, package_docs → embedder ────────────────↗             └→ answers    ← ask.txt

The work is done in `knowledge/`, by plain functions over frames; here stands only what depends on what, and when.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from knowledge import answering, chunking, embedding, packages, search, standard_library
from knowledge import documents as corpus
from knowledge import evaluation as measuring
from knowledge import handbook as markdown

from penstock import Context, Cron, Dataset, all_of, asset, defaults, source

HERE = Path(__file__).resolve().parent
NIGHTLY = Cron("0 3 * * *", tz="Europe/Berlin")
SUNDAYS = Cron("0 4 * * 0", tz="Europe/Berlin")

# What people write and nothing here produces. It is looked at by fingerprint: an edit counts, a touch does not.
handbook = Dataset(f"{HERE.joinpath('handbook').as_uri()}/", watch="1m", licence="CC-BY-4.0", owners=["team:knowledge"])
questions = Dataset(HERE.joinpath("questions.json").as_uri(), watch="1h", owners=["team:retrieval"])
ask = Dataset(HERE.joinpath("ask.txt").as_uri(), watch="1m")

with defaults(group="corpus", owners=["team:knowledge"]):
    # No URI, nothing to watch: every night the probes say whether Python or the installed packages are others now.
    @source("stdlib_docs.parquet", probe=standard_library.python_version, on=NIGHTLY, licence="PSF-2.0")
    def stdlib_docs() -> pl.DataFrame:
        """Docstrings of the standard library and topics of pydoc, read from the interpreter's own source files."""
        return corpus.frame_of(standard_library.read_standard_library())

    @source("package_docs.parquet", probe=packages.installed_distributions, on=NIGHTLY)
    def package_docs() -> pl.DataFrame:
        """READMEs, licences and docstrings of the installed packages."""
        return corpus.frame_of(packages.read_packages())

    # Shares lose watches: every night it is looked at anyway. Pure, so that a night without news executes nothing.
    @asset("handbook_docs.parquet", on=handbook | NIGHTLY, pure=True)
    def handbook_docs(handbook: Path) -> pl.DataFrame:
        """The team's own handbook: one document per Markdown file, licence and title from its front matter."""
        return corpus.frame_of(markdown.read_handbook(handbook))

    @asset("documents.parquet", on=stdlib_docs | package_docs | handbook_docs)
    def documents(stdlib_docs: pl.LazyFrame, package_docs: pl.LazyFrame, handbook_docs: pl.LazyFrame) -> pl.LazyFrame:
        """Every document once, each with its origin and its licence."""
        return corpus.one_corpus(stdlib_docs, package_docs, handbook_docs)

    @asset("provenance.parquet", on=documents)
    def provenance(documents: pl.LazyFrame) -> pl.LazyFrame:
        """Origin and licence of every document without its text: an edit of a text leaves these bytes as they were."""
        return corpus.provenance(documents)

    @asset("licence_report.csv", on=provenance, tags=["report"])
    def licence_report(provenance: pl.DataFrame) -> pl.DataFrame:
        """How many documents stand under which licence; made again only when an origin or a licence changed."""
        return corpus.licence_report(provenance)

    @asset("chunks.parquet", on=documents)
    def chunks(documents: pl.DataFrame, *, size: int = 800) -> pl.DataFrame:
        """Every document in passages of at most `size` characters; chunk_id is a hash of document and passage."""
        return chunking.cut(documents, size)


with defaults(group="retrieval", owners=["team:retrieval"]):
    # Another fit moves every vector, so it does not follow each edit: on Sundays, or when both references are new.
    @asset("embedder/", on=(stdlib_docs & package_docs) | SUNDAYS, kind="model", pure=True)
    def embedder(stdlib_docs: pl.LazyFrame, package_docs: pl.LazyFrame, ctx: Context, *, size: int = 800) -> Path:
        """Term weights and hashing seed, fitted on the reference corpus; a model with a version like any other."""
        reference = chunking.cut(corpus.one_corpus(stdlib_docs, package_docs).collect(), size)
        model = embedding.fit(search.searchable(reference))
        model.save(ctx.output)
        ctx.metadata(identity=model.identity, terms=model.rarity.height, passages=reference.height)
        return ctx.output

    @asset("vectors.parquet", on=chunks | embedder)
    def vectors(chunks: pl.DataFrame, embedder: Path) -> pl.DataFrame:
        """One vector per passage, with the identity of the embedder that made it."""
        return search.vectors_of(chunks, embedding.Embedder.load(embedder))

    # Once for an edit, not twice: new passages wait for their vectors, a new embedder for the vectors that it makes.
    @asset("index.parquet", on=all_of(chunks, vectors) | all_of(embedder, vectors))
    def index(chunks: pl.DataFrame, vectors: pl.DataFrame) -> pl.DataFrame:
        """Every passage beside its vector, origin and licence: all that exact search needs."""
        return search.index_of(chunks, vectors)

    @asset("evaluation.json", on=index | questions, tags=["report"])
    def evaluation(index: pl.DataFrame, embedder: Path, questions: list[Any], ctx: Context) -> dict[str, Any]:
        """Recall on questions whose answer is known, those used while tuning apart from those held out."""
        report = measuring.evaluate(search.Index.open(index, embedding.Embedder.load(embedder)), questions)
        ctx.metadata(**report["held_out"])
        return report

    @asset("answers.md", on=index | ask, tags=["report"])
    def answers(index: pl.DataFrame, embedder: Path, ask: str) -> str:
        """The questions of ask.txt, answered by quotation, each quotation with origin and licence."""
        opened = search.Index.open(index, embedding.Embedder.load(embedder))
        return answering.answer_sheet(opened, answering.questions_in(ask))
