"""Two pushes to one repository at once."""

from __future__ import annotations

import threading

from pixelart.errors import HubFailure
from pixelart.hub import Pushed, Stage, push_files
from tests.hub.conftest import SECRET
from tests.hub_server import HubServer

PATIENCE = 30.0


def race(hub: HubServer, *, rounds: int) -> None:
    """Every time both have seen the same commit before either goes on; one wins and the other is told."""
    for number in range(rounds):
        place = f"art/race-{number}"
        repo = hub.add(place, {"README.md": b"first"}, private=True)
        barrier, won, lost = threading.Barrier(2), dict[str, Pushed](), dict[str, str]()

        def one(
            name: str, place: str, barrier: threading.Barrier, won: dict[str, Pushed], lost: dict[str, str]
        ) -> None:
            def on_stage(stage: Stage) -> None:
                if stage == "upload":
                    barrier.wait(PATIENCE)

            files = {"README.md": name.encode(), "model.safetensors": b"\0" + name.encode()}
            try:
                won[name] = push_files(files, place, title=name, token=SECRET, on_stage=on_stage)
            except HubFailure as failure:
                lost[name] = str(failure)

        threads = [threading.Thread(target=one, args=(n, place, barrier, won, lost)) for n in ("ann", "bob")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ((winner, pushed),), ((loser, told),) = won.items(), lost.items()
        assert winner != loser and len(repo.commits) == 2 and pushed.commit == repo.commits[-1].oid
        assert repo.files == {"README.md": winner.encode(), "model.safetensors": b"\0" + winner.encode()}
        whose = "nothing was pushed, and their commit is unchanged"
        assert told == f"commit to {place}: somebody else pushed meanwhile; {whose}"
