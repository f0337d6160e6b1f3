from pathlib import Path

import pytest

from allometry.curves.place import Remote, place
from allometry.refusal import Refusal


def test_what_is_no_url_is_a_path():
    assert place("runs/a") == Path("runs/a")
    assert place(Path("/x")) == Path("/x")
    assert place("s3:/bucket") == Path("s3:/bucket")


def test_a_url_is_named_joined_and_printed_like_a_path():
    study = place("S3://bucket/studies/one/")
    assert study == Remote("s3", "bucket/studies/one")
    assert place(study) is study
    assert str(study) == f"{study}" == "s3://bucket/studies/one"
    assert study.name == "one"
    assert str(study.parent) == "s3://bucket/studies"
    assert str(study.bucket) == "s3://bucket"
    assert study.bucket.parent == study.bucket
    assert str(study / "bundles" / Path("w4") / "x.json").endswith(
        "one/bundles/w4/x.json"
    )
    assert {study: 1}[place("s3://bucket/studies/one")] == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/x", "ftp:// is nothing"),
        ("file:///x", "name a folder"),
        ("simplecache::s3://b/x", "is nothing"),
        ("s3://", "names no place"),
        ("s3:///x", "names no place"),
        ("s3://b//x", "names no place"),
        ("s3://b/../x", "names no place"),
        ("s3://b/x?versionId=1", "names no place"),
        ("s3://b/x#1", "names no place"),
        ("s3://b/\n", "names no place"),
        ("s3://user:secret@b/x", "no user, password"),
        ("s3://localhost:9000/b", "AWS_ENDPOINT_URL"),
    ],
)
def test_urls_at_which_no_store_can_be_are_refused(url, words):
    with pytest.raises(Refusal, match=words) as refused:
        place(url)
    assert "secret" not in str(refused.value)
