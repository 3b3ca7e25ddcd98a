"""The words of the command line: what each command does, and what a hint of an error means here.

Imports nothing heavy, so that `--help` and a mistyped command answer at once.
"""

from __future__ import annotations

from pixelart.errors import Hint, Words

COMMANDS: dict[str, dict[str, str]] = {
    "draw": {
        "models": "list model variants and trained checkpoints",
        "generate": "draw new pictures",
        "complete": "repaint the masked pixels of a picture",
        "enlarge": "draw a picture larger; its own pixels stay, as every second or fourth pixel of the result",
    },
    "variations": {
        "extend": "draw on beyond the edges of a picture, which stays",
        "tileset": "draw the 16 tiles of a terrain's border around one tile; all edges meet",
        "animate": "frames of a picture: each frame redraws the masked part by itself; the model plans no movement",
    },
    "inspect": {
        "inspect": "show which pixels surprise the model, the probable classes, and the probable colours of a pixel"
    },
    "compress": {
        "compress": "write pictures to one small file, without loss, by a checkpoint's probabilities",
        "decompress": "write the pictures of such a file, exactly as they were",
    },
    "rank": {
        "classify": "print the probability of each class for every picture of a folder, as CSV",
        "rank": "list the pictures of a folder by the bits of their visible pixels, fewest first, as CSV",
        "outliers": "list the pictures of a folder by how unusual they are for their class, as CSV",
    },
    "repair": {"repair": "find dust and single-pixel faults of a picture, and draw these pixels anew after a yes"},
    "evaluate": {"evaluate": "measure bits per dimension on pictures that the checkpoint was not trained on"},
    "check": {
        "check": "report the classes and problems of a folder or .zip of pictures, and write the good ones to one .zip"
    },
    "train": {
        "train": "train a model on a folder or .zip of pictures",
        "export": "make a checkpoint of a run",
    },
    "remote": {"remote-delete": "delete the pictures that train --on hf-jobs uploaded to the Hub"},
    "remote_train": {"remote-train": "what a job on Hugging Face runs: train there, and push the run to the Hub"},
    "estimate": {"estimate": "time how long a training takes on this machine"},
    "hub": {
        "push": "push a checkpoint with its card to the Hugging Face Hub, as the account of hf auth login",
        "pull": "copy a checkpoint from the Hugging Face Hub into the folder of checkpoints",
    },
    "jobs": {"jobs": "list the app's background trainings, or resume one while the app is not running"},
    "plugins": {"install-plugin": "put the plug-in of Krita or Aseprite where that program looks for it"},
    "space": {"space": "write the folder of a Hugging Face Space, or push it"},
}
"""Module of `pixelart.cli` -> command -> what it does, in the order of `--help`."""
HELP = {command: text for commands in COMMANDS.values() for command, text in commands.items()}
CLI_HINTS: Words = {
    Hint.RESIZE: "--fit nearest resizes",
    Hint.ALL_FRAMES: "--frames all uses all",
    Hint.TRUE_GRID: "--true-grid reduces it",
    Hint.LESS_MEMORY: "a smaller --batch-size with --accumulate, or --gradient-checkpointing, needs less",
    Hint.RESUME: "--resume continues it",
    Hint.FOLLOW: "--resume follows it again",
    Hint.FETCH: "--resume fetches what it has made",
    Hint.OTHER_NAME: "give another name",
    Hint.SAME_PICTURES: "start a new training with its model as --base",
}
