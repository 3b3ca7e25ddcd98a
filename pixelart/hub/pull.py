"""Pull a checkpoint from the Hub: check sizes first, verify the files, and record the commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, RepoFile

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE, read_config
from pixelart.checkpoint.origin import ORIGIN_FILE, Origin, read_origin
from pixelart.checkpoint.weights import check_weights_size, load_weights
from pixelart.errors import Hint, HubFailure, RequestRejected, WeightsRejected
from pixelart.hub.client import TIMEOUT, client, translate_errors
from pixelart.hub.download import download
from pixelart.hub.guard import check_commit, seconds_for
from pixelart.hub.repo_files import MAX_FILE_BYTES, files_of, is_content
from pixelart.hub.repo_id import check_repo_id, check_revision, local_name
from pixelart.storage import Files, new_folder
from pixelart.training.runs import check_name


@dataclass(frozen=True)
class Pulled:
    """A local checkpoint: its name, its origin, and whether it was fetched just now."""

    name: str
    origin: Origin
    is_new: bool


def pull_checkpoint(
    repo_id: str, folder: Path, *, revision: str | None = None, name: str | None = None, token: str | None = None
) -> Pulled:
    """Copy the checkpoint of the repository `repo_id` into the new folder `folder`/`name`, all or nothing.

    It fetches the config, weights, card, samples, palette, log and list of training pictures of one commit, and checks
    every size first. hub.json names the commit. Other users of the machine cannot read the folder, because the
    repository may be private.

    Args:
        revision: a branch, a tag or a commit; None = the newest commit of the main branch.
        name: None = owner--name.
        token: None finds only public repositories.

    Raises:
        RequestRejected: an invalid name, or one that is taken by anything but the same commit.
        HubFailure: no such repository or revision, no access, or no connection.
        WeightsRejected: not a checkpoint, too large, or damaged.
        OSError: the disk is full or cannot be written to.
    """
    check_repo_id(repo_id)
    if revision is not None:
        check_revision(revision)
    name = local_name(repo_id) if name is None else name
    check_name(name)
    target, here = folder / name, read_origin(folder / name)
    if target.exists() and (here is None or here.repo != repo_id):
        raise RequestRejected(f"{target}: exists already", hint=Hint.OTHER_NAME)
    if here and revision == here.commit:
        return Pulled(name, here, False)
    with translate_errors(repo_id):
        api = client(token)
        origin = Origin(repo_id, commit_of(repo_id, revision, token=token))
        if here and here == origin:
            return Pulled(name, here, False)
        if here:
            raise RequestRejected(
                f"{target}: is revision {here.commit[:8]}; {origin.commit[:8]} needs another name beside it"
            )
        entries = files_of(repo_id, api.list_repo_tree(repo_id, revision=origin.commit))
    _check_entries(repo_id, entries)
    try:
        files = Files(private=True)
        with new_folder(target, files=files) as partial:
            _fill(partial, api, origin, entries, files)
    except RequestRejected:
        if read_origin(target) != origin:
            raise
        return Pulled(name, origin, False)  # another process has just pulled it
    return Pulled(name, origin, True)


def commit_of(repo_id: str, revision: str | None, *, token: str | None = None) -> str:
    """The commit id of a branch, a tag or a commit of the repository; None = its main branch.

    Raises:
        RequestRejected: an invalid name.
        HubFailure: no such repository or revision, no access, or no connection.
    """
    check_repo_id(repo_id)
    if revision is not None:
        check_revision(revision)
    with translate_errors(repo_id):
        return check_commit(client(token).model_info(repo_id, revision=revision, timeout=TIMEOUT).sha)


def pull_if_missing(
    repo_id: str, folder: Path, *, revision: str | None = None, name: str | None = None, token: str | None = None
) -> Pulled:
    """Like `pull_checkpoint`, but without a `revision` it uses a checkpoint that was pulled before.

    Then it does not call the Hub, so a program keeps its weights and works offline.

    Raises:
        RequestRejected, HubFailure, WeightsRejected, OSError: as `pull_checkpoint`.
    """
    check_repo_id(repo_id)
    here = read_origin(folder / (name or local_name(repo_id)))
    known = here and here.repo == repo_id and revision is None
    return pull_checkpoint(
        repo_id, folder, revision=here.commit if here and known else revision, name=name, token=token
    )


def _check_entries(repo_id: str, entries: Mapping[str, RepoFile]) -> None:
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if name not in entries]
    if missing:
        raise WeightsRejected(f"{repo_id}: not a checkpoint of pixelart (no {missing[0]})")
    for name, entry in entries.items():
        if entry.size > MAX_FILE_BYTES[name]:
            raise WeightsRejected(f"{repo_id}/{name}: {entry.size} bytes; the limit is {MAX_FILE_BYTES[name]}")


def _fill(partial: Path, api: HfApi, origin: Origin, entries: Mapping[str, RepoFile], files: Files) -> None:
    """Download the config, check the size of the weights by it, then download and check the rest."""
    fetched = partial.with_name(".fetched")
    for names in ([CONFIG_FILE], [name for name in entries if name != CONFIG_FILE]):
        for name in names:
            entry = entries[name]
            with translate_errors(origin.repo, seconds=seconds_for(entry.size)):
                download(api, origin.repo, name, fetched, size=entry.size, revision=origin.commit, kind="model")
            files.write(partial / name, _checked(origin.repo, fetched, entry))
            fetched.unlink()
        config = read_config(partial)
        check_weights_size(config, entries[WEIGHTS_FILE].size, name=partial.name)
    load_weights(partial, config)
    files.write(partial / ORIGIN_FILE, origin.to_json())


def _checked(repo_id: str, path: Path, entry: RepoFile) -> bytes:
    """The bytes of the file at `path`. Raises HubFailure unless their hash is the one that the Hub reports."""
    data = path.read_bytes()
    if len(data) != entry.size or not is_content(entry, data):
        raise HubFailure(f"{repo_id}/{entry.path}: arrived damaged; try again")
    return data
