"""How datasets and sources are called in OpenLineage."""

from __future__ import annotations

from dataclasses import replace

import pytest
from openlineage.client.naming import dataset as official

from penstock.lineage.facts import SourceLocation
from penstock.lineage.naming import dataset_name, public_address, quoted, source_code_url, source_uri
from penstock.storage.errors import Bug

NAMES = {
    "file:///data/x.csv": ("file", "/data/x.csv"),
    "file:///data/models/ranker/": ("file", "/data/models/ranker"),
    "file:///C:/data/x.csv": ("file", "/C:/data/x.csv"),
    "file:///data/a b%20c/ä.csv": ("file", "/data/a b%20c/ä.csv"),
    "file://nas/data/x.csv": ("file://nas", "/data/x.csv"),
    "/data/x.csv": ("file", "/data/x.csv"),
    "s3://corpus/raw/x.csv": ("s3://corpus", "raw/x.csv"),
    "s3a://corpus/raw//x.csv": ("s3://corpus", "raw/x.csv"),
    "s3://corpus/": ("s3://corpus", "/"),
    "gcs://corpus/raw/x.csv": ("gs://corpus", "raw/x.csv"),
    "abfs://c@a.dfs.core.windows.net/x/y": ("abfss://c@a.dfs.core.windows.net", "/x/y"),
    "wasbs://c@a.dfs.core.windows.net/x/y": ("wasbs://c@a.dfs.core.windows.net", "x/y"),
    "hdfs://namenode:8020/x/y": ("hdfs://namenode:8020", "/x/y"),
    "dbfs://workspace/x": ("dbfs://workspace", "/x"),
    "postgresql://db/shop/public/orders": ("postgres://db:5432", "shop.public.orders"),
    "postgres://db:6543/shop.public.orders": ("postgres://db:6543", "shop.public.orders"),
    "mysql://db/shop/orders": ("mysql://db:3306", "shop.orders"),
    "trino://t:8080/hive/web/clicks": ("trino://t:8080", "hive.web.clicks"),
    "snowflake://org-account/DB/PUBLIC/T": ("snowflake://org-account", "DB.PUBLIC.T"),
    "bigquery://project/set/table": ("bigquery", "project.set.table"),
    "kafka://broker:9092/clicks": ("kafka://broker:9092", "clicks"),
    "https://host/a%20b.csv": ("https://host", "a%20b.csv"),
    "memory://place/a/b": ("memory://place", "a/b"),
    "python://packages": ("python://packages", "/"),
    "ftp://me:secret@host/x": ("ftp://host", "x"),
}


@pytest.mark.parametrize("uri", NAMES)
def test_a_uri_is_called(uri: str) -> None:
    """Namespace and name by the naming rules of the specification; without credentials, whatever the URI has."""
    assert dataset_name(uri) == NAMES[uri]


OFFICIAL = {
    "file:///data/x.csv": official.LocalFileSystem("/data/x.csv"),
    "file://nas/data/x.csv": official.RemoteFileSystem("nas", "/data/x.csv"),
    "s3a://corpus/raw/x.csv": official.S3("corpus", "raw/x.csv"),
    "gcs://corpus/raw/x.csv": official.GCS("corpus", "raw/x.csv"),
    "abfss://c@a.dfs.core.windows.net/x": official.ABFSS("c", "a", "/x"),
    "wasbs://c@a.dfs.core.windows.net/x": official.WASBS("c", "a", "x"),
    "hdfs://namenode:8020/x": official.HDFS("namenode", "8020", "/x"),
    "dbfs://workspace/x": official.DBFS("workspace", "/x"),
    "postgresql://db/shop/public/orders": official.Postgres("db", "5432", "shop", "public", "orders"),
    "mysql://db:3307/shop/orders": official.MySQL("db", "3307", "shop", "orders"),
    "redshift://c.eu-1:5439/d/s/t": official.Redshift("c", "eu-1", "5439", "d", "s", "t"),
    "snowflake://org-account/D/S/T": official.Snowflake("org", "account", "D", "S", "T"),
    "bigquery://project/set/table": official.BigQuery("project", "set", "table"),
    "oracle://db:1521/service/s/t": official.Oracle("db", "1521", "service", "s", "t"),
    "cassandra://db:9042/k/t": official.Cassandra("db", "9042", "k", "t"),
    "kafka://broker:9092/topic": official.Kafka("broker", "9092", "topic"),
}


@pytest.mark.parametrize("uri", OFFICIAL)
def test_names_agree_with_the_client(uri: str) -> None:
    """openlineage-python's own naming classes give the same pair, so that other producers' lineage joins ours."""
    assert dataset_name(uri) == (OFFICIAL[uri].get_namespace(), OFFICIAL[uri].get_name())


@pytest.mark.parametrize("uri", ["chunks.parquet", "models/ranker/", ""])
def test_a_relative_uri_is_a_bug(uri: str) -> None:
    """Only an absolute place can be named: the message says that the data root is missing."""
    with pytest.raises(Bug, match="not absolute"):
        dataset_name(uri)


URIS = {
    "file:///a b/ä#%.csv": "file:///a%20b/%C3%A4%23%25.csv",
    "s3://b/k[1]?.csv": "s3://b/k%5B1%5D%3F.csv",
    "s3://arn:aws:s3:eu-1:7:ap/k": "s3://arn%3Aaws%3As3%3Aeu-1%3A7%3Aap/k",
    "https://[::1]:8443/a%20b?x=1#part 2": "https://[::1]:8443/a%20b?x=1#part%202",
    "https://host/100%": "https://host/100%25",
}


@pytest.mark.parametrize("uri", URIS)
def test_what_a_uri_must_not_hold_is_escaped(uri: str) -> None:
    """Consumers that check `format: uri` accept the address of any file."""
    assert quoted(uri) == URIS[uri]


def test_the_source_of_a_dataset_is_its_store() -> None:
    """Marquez keeps one address per source name: it must not differ from file to file."""
    assert {source_uri(f"file:///data/{name}") for name in "abc"} == {"file:///"}
    assert source_uri("postgresql://db/a/b/c") == "postgres://db:5432"
    assert source_uri("bigquery://p/d/t") == "bigquery://"


def test_code_is_linked_where_it_is_seen() -> None:
    """In the web view of its repository at the commit; on this machine where there is none; never with a token."""
    here = SourceLocation(path="/srv/my flows/a.py", line=3)
    assert source_code_url(here) == "file:///srv/my%20flows/a.py#L3"
    for address in ("https://me:token@host/t/r.git", "git@host:t/r.git", "ssh://git@host/t/r"):
        there = SourceLocation(path="flows/a.py", line=3, repo_url=address, commit="5ec1")
        assert source_code_url(there) == "https://host/t/r/blob/5ec1/flows/a.py#L3"
    given = SourceLocation(path="flows/a.py", url="https://me:token@host/view?file=a.py#L3")
    assert source_code_url(given) == "https://host/view?file=a.py#L3"
    assert source_code_url(SourceLocation(path="/srv/a.py", repo_url="/srv/repo", commit="5ec1")) == "file:///srv/a.py"
    local = SourceLocation(path="flows/a.py", line=3, commit="5ec1", file="/srv/r/flows/a.py")
    assert (source_code_url(local), local.version) == ("file:///srv/r/flows/a.py#L3", "5ec1")
    edited = replace(local, repo_url="https://host/t/r", dirty=True)
    assert (source_code_url(edited), edited.version) == ("file:///srv/r/flows/a.py#L3", "5ec1-dirty")
    assert public_address("https://token@host/t/r.git") == "https://host/t/r.git"
    assert public_address(None) is None
