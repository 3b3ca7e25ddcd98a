"""The names of the repositories of a training."""

from __future__ import annotations

import pytest
from huggingface_hub.utils import validate_repo_id

from pixelart.hub import check_repo_id
from pixelart.hub.remote.record import new_record, pictures_repository


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("mine", "mine"), ("my_set.v2", "my-set-v2"), ("a--b", "a-b"), ("-a-", "a"), ("a (copy) ", "a-copy"),
        ("x" * 29 + "-y", "x" * 29), ("\u30c9\u30c3\u30c8", "model"), ("", "model"),
    ],
)  # fmt: skip
def test_every_name_can_be_rented(name: str, stem: str) -> None:
    record = new_record("art", name)
    assert record.run == f"art/pixelart-{stem}-{record.key}"
    for repo_id in (record.run, pictures_repository(record)):
        check_repo_id(repo_id)
        validate_repo_id(repo_id)
