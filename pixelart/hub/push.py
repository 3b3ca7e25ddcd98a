"""Push a checkpoint or a Space to a Hub repository in one commit, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile

from pixelart.errors import HubFailure, RequestRejected
from pixelart.hub.client import TIMEOUT, client, translate_errors
from pixelart.hub.guard import check_commit, seconds_for
from pixelart.hub.repo_files import MODEL, RepoKind, files_of, is_content, repo_url
from pixelart.hub.repo_id import check_repo_id

Stage = Literal["login", "draw", "create", "upload", "commit"]
NOTHING_PUSHED = "nothing was pushed"
"""The end of a line about a failure."""


@dataclass(frozen=True)
class Pushed:
    """The result of a push. `is_new`: whether a commit was made. `private`: whether the repository is."""

    repo_id: str
    url: str
    commit: str
    is_new: bool
    private: bool


@dataclass(frozen=True)
class RepoHead:
    """The newest commit, and its files that belong to the kind of the repository."""

    commit: str
    private: bool
    files: Mapping[str, RepoFile]

    def holds(self, files: Mapping[str, bytes]) -> bool:
        """Whether it has exactly these files of its kind."""
        return self.files.keys() == files.keys() and all(is_content(self.files[n], data) for n, data in files.items())


def push_files(
    files: Mapping[str, bytes],
    repo_id: str,
    *,
    title: str,
    token: str,
    private: bool = True,
    kind: RepoKind = MODEL,
    on_stage: Callable[[Stage], None] = lambda stage: None,
) -> Pushed:
    """Push `files` in one commit on top of the newest one. Creates the repository if needed.

    Afterwards the repository holds exactly these files of its `kind`; other files are left alone. If it already does,
    no commit is made.

    Args:
        files: path -> content; all belong to the kind.
        title: of the commit.
        private: visibility of a new repository. An existing one keeps its visibility; a public one is refused if True.
        on_stage: called when a stage begins.

    Raises:
        RequestRejected: an invalid name, a file above its size limit, or a public repository although `private`.
        HubFailure: the stage that failed, the reason, and what is on the Hub now.
    """
    check_repo_id(repo_id)
    for name, data in files.items():
        limit = kind.limit(name)
        assert limit is not None, f"{name} is not of a {kind.type}"
        if len(data) > limit:
            raise RequestRejected(f"{name}: {len(data)} bytes; the limit is {limit}")
    api = client(token)
    on_stage("create")
    with with_outcome(f"repository {repo_id}", NOTHING_PUSHED):
        api.create_repo(repo_id, repo_type=kind.type, space_sdk=kind.sdk, private=private, exist_ok=True)
    url = repo_url(repo_id, kind, api.endpoint)
    with with_outcome(f"repository {repo_id}", f"it exists, but {NOTHING_PUSHED}"):
        head = read_head(api, repo_id, kind)
    if private and not head.private:
        raise RequestRejected(f"{repo_id}: is public; {NOTHING_PUSHED}, because you asked for private")
    if head.holds(files):
        return Pushed(repo_id, url, head.commit, False, head.private)
    on_stage("upload")
    changed = [n for n, data in files.items() if n not in head.files or not is_content(head.files[n], data)]
    additions = [CommitOperationAdd(name, files[name]) for name in changed]
    patience = seconds_for(sum(map(len, files.values())))
    with with_outcome(f"upload to {repo_id}", f"{NOTHING_PUSHED}, the repository is as it was", seconds=patience):
        api.preupload_lfs_files(repo_id, additions, repo_type=kind.type, free_memory=False)
    on_stage("commit")
    deletions = [CommitOperationDelete(name) for name in head.files if name not in files]
    try:
        with translate_errors(f"commit to {repo_id}", seconds=patience):
            operations = [*additions, *deletions]
            made = api.create_commit(
                repo_id, operations, repo_type=kind.type, commit_message=title, parent_commit=head.commit
            )
            return Pushed(repo_id, url, check_commit(made.oid), True, head.private)
    except HubFailure as failure:
        lost = failure
    return Pushed(repo_id, url, _landed(api, repo_id, kind, files, head, lost), True, head.private)


def _landed(
    api: HfApi, repo_id: str, kind: RepoKind, files: Mapping[str, bytes], before: RepoHead, failure: HubFailure
) -> str:
    """The commit, if it was made although its answer was lost; else raises `failure` with the repository's state."""
    now = None
    with suppress(HubFailure), translate_errors(repo_id):
        now = read_head(api, repo_id, kind)
    if now and now.commit != before.commit and now.holds(files):
        return now.commit
    if now is None or not failure.refused:  # the Hub may still be working on it, or somebody pushed on top of it
        raise HubFailure(f"{failure}; whether the commit was made is unknown. Push again: that makes no second commit")
    if now.commit == before.commit:
        raise HubFailure(f"{failure}; {NOTHING_PUSHED}, the repository is as it was")
    raise HubFailure(
        f"commit to {repo_id}: somebody else pushed meanwhile; {NOTHING_PUSHED}, and their commit is unchanged"
    )


def read_head(api: HfApi, repo_id: str, kind: RepoKind) -> RepoHead:
    """The newest commit of a repository. Call it within `translate_errors`."""
    info = api.repo_info(repo_id, repo_type=kind.type, timeout=TIMEOUT)
    entries = api.list_repo_tree(repo_id, repo_type=kind.type, revision=info.sha, recursive=kind.has_folders)
    return RepoHead(check_commit(info.sha), bool(getattr(info, "private", False)), files_of(repo_id, entries, kind))


@contextmanager
def with_outcome(what: str, outcome: str, *, seconds: float | None = None) -> Iterator[None]:
    """Add the `outcome` (what is there now) to a failure inside. The time limit is `seconds`."""
    try:
        with translate_errors(what, seconds=seconds):
            yield
    except HubFailure as failure:
        raise HubFailure(f"{failure}; {outcome}", status=failure.status) from None
