"""What the traced graph of a trunk says about when each value is computed and where it may lie."""

from __future__ import annotations

from collections.abc import Sequence

from pixelart.layers.program import AFTER, PIXEL, ROW, SCAN, UNARY
from pixelart.layers.tracing import Recorder, Term, Traced

COMPUTED = ("sum", "mul", *UNARY)
"""Kinds of nodes whose value is computed anew in each run of their stage."""


class Graph:
    """The nodes that `outputs` need, in the order in which they were made.

    looped: those between a memory that is read at the pixel to the left and its definition; scanned: at the pixel to
    the right. stored: those that pixels of later rows read."""

    def __init__(self, outputs: Traced, recorder: Recorder) -> None:
        live = _reachable(outputs)
        self.nodes = [node for node in recorder.nodes if node in live]
        self.users = _users(self.nodes)
        self.users[outputs].append((outputs, Term(outputs, dx=-1)))  # counts as a reader of another pixel
        self.looped, self.scanned = _looped(self.nodes, "left"), _looped(self.nodes, "right")
        read_above = {term.node for node in self.nodes for term in node.terms if term.dy < 0}
        self.stored = {node for node in read_above if node.kind not in ("picture", "map")}
        self.stored |= {node.terms[0].node for node in self.nodes if node.kind == "grow"}
        self._stages: dict[Traced, int] = {}

    @property
    def reach(self) -> int:
        """How many rows are read, the row itself included."""
        highest = max((-term.dy for node in self.nodes for term in node.terms), default=0)
        return max([1 + highest, *(node.step for node in self.nodes)])

    def stage(self, node: Traced) -> int:
        """When a node is computed: see layers/program.py."""
        if node not in self._stages:
            self._stages[node] = self._stage_of(node)
        return self._stages[node]

    def _stage_of(self, node: Traced) -> int:
        if node.kind == "memory":
            return PIXEL if node.data["right"] is None else ROW
        if node.kind == "picture":
            return ROW if node.data[1] < 0 else AFTER
        least = PIXEL if node.kind == "attend" else ROW
        return max([least, *map(self.stage_of_term, node.terms)])

    def stage_of_term(self, term: Term) -> int:
        """The earliest stage in which a term is known."""
        node = term.node
        if node.kind == "picture":
            if node.data[1] + term.dy < 0:
                return ROW
            return PIXEL if term.matrix is not None or term.dx < 0 else AFTER
        if term.dy < 0:
            return ROW
        if term.dx > 0 and node.kind == "memory":
            return SCAN
        stage = self.stage(node)
        assert term.dx <= 0 or stage == ROW, "what is right of a pixel is not known"
        return min(stage, PIXEL) if term.dx else stage

    def is_merged(self, node: Traced) -> bool:
        """Whether a sum is computed as a part of the only sum that it is added to."""
        user, term = self.only_use(node)
        if user is None or user.kind != "sum" or node.kind != "sum" or node in self.stored:
            return False
        is_inside = (user in self.looped) == (node in self.looped)
        return is_inside and is_plain(term) and user.step == node.step

    def only_use(self, node: Traced) -> tuple[Traced | None, Term]:
        """The only user of a node, with its term; None if there are several."""
        uses = self.users[node]
        return uses[0] if len(uses) == 1 else (None, Term(node))

    def may_overwrite(self, given: Traced, node: Traced) -> bool:
        """Whether a node may lie where the value that it is computed from lies."""
        made_here = given.kind in COMPUTED or (
            given.kind == "cat" and all(self.stage(t.node) == self.stage(given) for t in given.terms)
        )
        alone = self.only_use(given)[0] is node and given not in self.stored
        return made_here and alone and given.step == node.step and self.stage(given) == self.stage(node)


def is_plain(term: Term) -> bool:
    """Whether a term is a value of the pixel itself, held in its state."""
    return term.matrix is None and not term.dy and not term.dx


def reads_picture(term: Term) -> bool:
    """Whether a term is a product with embedded pixels."""
    return term.node.kind == "picture" and term.matrix is not None


def _reachable(outputs: Traced) -> set[Traced]:
    found, left = set[Traced](), [outputs]
    while left:
        node = left.pop()
        if node in found:
            continue
        found.add(node)
        left += [term.node for term in node.terms]
        left += [node.data["value"]] if node.kind == "memory" else []
        left += [node.data] if node.kind == "attend" else []
    return found


def _users(nodes: Sequence[Traced]) -> dict[Traced, list[tuple[Traced, Term]]]:
    users: dict[Traced, list[tuple[Traced, Term]]] = {node: [] for node in nodes}
    for node in nodes:
        for term in node.terms:
            users[term.node].append((node, term))
    return users


def _looped(nodes: Sequence[Traced], side: str) -> set[Traced]:
    """The nodes made between a memory that is read at the pixel on a side and its definition."""
    found, opened = set[Traced](), set[Traced]()
    for node in nodes:
        if node.kind == "memory" and node.data[side] is not None:
            opened.add(node)
        if opened:
            found.add(node)
        if node.kind == "define":
            opened.discard(node.data)
    return found
