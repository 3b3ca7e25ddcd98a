"""Names of repositories: what is let through, the Hub's own client takes too."""

from __future__ import annotations

from itertools import product

import pytest
from huggingface_hub.utils import HFValidationError, validate_repo_id

from pixelart.errors import RequestRejected
from pixelart.hub import check_repo_id


def taken(repo_id: str) -> bool:
    try:
        check_repo_id(repo_id)
    except RequestRejected as refusal:
        assert "write owner/name" in str(refusal)
        return False
    return True


def taken_by_client(repo_id: str) -> bool:
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        return False
    return True


def test_no_name_is_let_through_that_the_client_refuses() -> None:
    parts = ["".join(letters) for length in range(1, 5) for letters in product("a-._", repeat=length)] + ["a.git"]
    for repo_id in [f"art/{part}" for part in parts] + [f"{part}/mine" for part in parts]:
        assert taken_by_client(repo_id) or not taken(repo_id), repo_id


@pytest.mark.parametrize("repo_id", ["art/mine", "a/b", "Art-1/my_set.v2-x", "a" * 64 + "/" + "b" * 64, "art/mine_"])
def test_good_names_are_let_through(repo_id: str) -> None:
    assert taken(repo_id) and taken_by_client(repo_id)


@pytest.mark.parametrize("repo_id", ["art/a--b", "art/a..b", "art/a.git", "art/a-", "art/-a", "a" * 65 + "/b", "art"])
def test_other_names_are_refused(repo_id: str) -> None:
    assert not taken(repo_id)
