"""`python -m pixelart compress` and `decompress`: pictures without loss, by a model's own probabilities."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pixelart.cli.arguments import add_command, checkpoint_option, checkpoints_option, class_option
from pixelart.cli.common import Json, check_out_folder, find, own_engine, progress_bar, say
from pixelart.cli.folders import find_pictures
from pixelart.compression.archive import SUFFIX, NamedPicture, compress, decompress
from pixelart.compression.listing import name_key
from pixelart.errors import DataRejected, PixelArtError
from pixelart.images.io import encode_png
from pixelart.settings import SETTINGS
from pixelart.storage import write_file


def compress_pictures(options: argparse.Namespace) -> Json:
    """Write one file with the picture, or with all pictures of the folder."""
    check_out_folder(options.out)
    engine, name = find(options.checkpoints, options.checkpoint)
    loaded = engine.library.load(name)
    pictures = [
        NamedPicture(str(Path(one.name).with_suffix(".png").as_posix()), one.picture, one.class_name)
        for one in find_pictures(options.path, classes=loaded.info.classes, class_name=options.class_name, exact=True)
    ]
    with progress_bar("compressing") as show:
        data = compress(loaded, pictures, on_progress=show)
    _check_bytes(len(data))
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.path.resolve()
    file = options.out / f"{path.name if path.is_dir() else path.stem}{SUFFIX}"
    write_file(file, data)
    say(options, f"{file}: {len(data)} bytes, {len(pictures)} pictures")
    return {"file": str(file), "bytes": len(data), "images": len(pictures)}


def decompress_files(options: argparse.Namespace) -> Json:
    """Write the pictures of a file, or of all such files of a folder."""
    check_out_folder(options.out)
    files = sorted(options.path.glob(f"*{SUFFIX}")) if options.path.is_dir() else [options.path]
    if not files:
        raise DataRejected(f"{options.path}: holds no {SUFFIX} file")
    engine, name = own_engine(options.checkpoints), None
    if options.checkpoint:
        engine, name = find(options.checkpoints, options.checkpoint)
    written = dict[str, str]()  # the key of its name -> the file of a picture
    for file in files:
        try:
            data = _read(file)
            with progress_bar(file.name) as show:
                pictures = decompress(data, engine.library.load, checkpoint=name, on_progress=show)
        except PixelArtError as error:
            raise DataRejected(f"{file.name}: {error}", hint=error.hint) from error
        for one in pictures:
            target = options.out / one.name
            if name_key(one.name) in written:
                raise DataRejected(f"{file.name}: {one.name} comes from another file, too; decompress each by itself")
            target.parent.mkdir(parents=True, exist_ok=True)
            write_file(target, encode_png(one.picture))
            written[name_key(one.name)] = str(target)
    say(options, f"{options.out}: {len(written)} pictures")
    return {"images": [*written.values()]}


def _read(file: Path) -> bytes:
    _check_bytes(file.stat().st_size)
    return file.read_bytes()


def _check_bytes(count: int) -> None:
    if count > SETTINGS.max_archive_bytes:
        raise DataRejected(f"{count} bytes; the limit is {SETTINGS.max_archive_bytes}")


def add_commands(add: Any) -> None:
    """Add compress and decompress."""
    example = "sprites/ --checkpoint studio --out small/"
    command = add_command(add, "compress", compress_pictures, example)
    command.add_argument("path", type=Path, help="a picture, or a folder of pictures; sub-folder = class")
    checkpoint_option(command)
    class_option(command)
    command.add_argument("--out", type=Path, required=True, help=f"folder for the {SUFFIX} file")
    command = add_command(add, "decompress", decompress_files, f"small/sprites{SUFFIX} --out back/")
    command.add_argument("path", type=Path, help=f"a {SUFFIX} file, or a folder of them")
    command.add_argument("--checkpoint", help="another name of the checkpoint that compressed (the one in the file)")
    checkpoints_option(command)
    command.add_argument("--out", type=Path, required=True, help="folder for the pictures")
