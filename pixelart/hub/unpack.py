"""Add a checkpoint from a .zip, such as one that Download made, with the checks of a pull.

Only the known files of a checkpoint are read: JSON, safetensors and plain files. Everything else in the archive is
ignored and never unpacked. Nothing is written under a name from the archive.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE, parse_config
from pixelart.checkpoint.weights import check_weights_size, load_weights
from pixelart.errors import DataRejected, WeightsRejected
from pixelart.hub.repo_files import MAX_ENTRIES, MAX_FILE_BYTES
from pixelart.settings import SETTINGS
from pixelart.storage import Files, new_folder
from pixelart.training.data.archives import ArchiveFile, check_place, entry_name, open_archive, shown, unpack
from pixelart.training.runs import check_name

MAX_ARCHIVE_BYTES = SETTINGS.max_weights_bytes + 8 * SETTINGS.max_directory_bytes
"""Size of the .zip of the largest checkpoint: its weights and the small files."""


def unpack_checkpoint(archive: Path, folder: Path, name: str) -> Path:
    """Add the checkpoint in the .zip `archive` as the new folder `folder`/`name`, all or nothing.

    Like a pulled one, it is private to this user.

    Raises:
        RequestRejected: an invalid name, or one that is taken.
        WeightsRejected: not a checkpoint, too large, unsafe or damaged.
        OSError: the disk is full or cannot be written to.
    """
    check_name(name)
    if archive.stat().st_size > MAX_ARCHIVE_BYTES:
        raise WeightsRejected(f"{archive.name}: larger than {MAX_ARCHIVE_BYTES >> 20} MiB, the limit")
    files, target = Files(private=True), folder / name
    try:
        with ArchiveFile(io.FileIO(archive)) as file, open_archive(file, archive) as opened:
            entries = _entries(opened, archive.name)
            with new_folder(target, files=files) as partial:
                _fill(partial, opened, entries, files)
    except DataRejected as error:
        raise WeightsRejected(str(error)) from error
    return target


def _entries(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """File of a checkpoint -> its entry. They lie in one folder of the archive, or at its root."""
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise WeightsRejected(f"{name}: {len(infos)} files and folders; the limit is {MAX_ENTRIES}")
    found = dict[PurePosixPath, dict[str, zipfile.ZipInfo]]()
    for info in infos:
        filename = entry_name(info).replace("\\", "/")
        place = PurePosixPath(filename)
        check_place(filename, place, info)
        of_folder = found.setdefault(place.parent, {})
        if info.is_dir() or place.name not in MAX_FILE_BYTES or "__MACOSX" in place.parts:
            continue
        if place.name in of_folder:
            raise WeightsRejected(f"{shown(place)}: twice in the archive")
        of_folder[place.name] = info
    whole = [files for files in found.values() if CONFIG_FILE in files and WEIGHTS_FILE in files]
    if len(whole) != 1:
        fault = f"{len(whole)} models; load one at a time" if whole else f"not a model (no {CONFIG_FILE} with weights)"
        raise WeightsRejected(f"{name}: {fault}")
    _check_sizes(whole[0])
    return whole[0]


def _check_sizes(entries: Mapping[str, zipfile.ZipInfo]) -> None:
    for name, entry in entries.items():
        if entry.file_size > MAX_FILE_BYTES[name]:
            raise WeightsRejected(f"{name}: {entry.file_size} bytes; the limit is {MAX_FILE_BYTES[name]}")


def _fill(partial: Path, archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], files: Files) -> None:
    """Unpack the config, check the announced size of the weights by it, then unpack the rest and try the weights."""
    data = _unpacked(archive, CONFIG_FILE, entries[CONFIG_FILE])
    config = parse_config(data, partial.name)
    check_weights_size(config, entries[WEIGHTS_FILE].file_size, name=partial.name)
    files.write(partial / CONFIG_FILE, data)
    for name, entry in entries.items():
        if name != CONFIG_FILE:
            files.write(partial / name, _unpacked(archive, name, entry))
    load_weights(partial, config)


def _unpacked(archive: zipfile.ZipFile, name: str, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of a file, which are as many as its header announces."""
    data = unpack(archive, entry, name, limit=entry.file_size)
    if len(data) != entry.file_size:
        raise WeightsRejected(f"{name}: its size is not the one that the archive announces")
    return data
