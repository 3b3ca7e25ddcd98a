"""From the traced graph of a trunk (layers/tracing.py) to a pixel program."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from pixelart.layers import program as op
from pixelart.layers.program import PIXEL, ROW, UNARY, Program, RowInput, Slot
from pixelart.layers.trace_graph import COMPUTED, Graph, is_plain, reads_picture
from pixelart.layers.tracing import Recorder, Term, Traced


def lower(outputs: Traced, recorder: Recorder) -> Program:
    """The program that computes `outputs` of each pixel."""
    return _Lowering(outputs, recorder).program


class _Lowering:
    def __init__(self, outputs: Traced, recorder: Recorder) -> None:
        kind = np.dtype(np.float64 if recorder.dtype == torch.float64 else np.float32)
        self.program, graph = Program(recorder.height, recorder.width, kind), Graph(outputs, recorder)
        self.program.reach = graph.reach
        self.graph = graph
        self._slots: dict[Traced, Slot] = {}
        self._grid: dict[Traced, Slot] = {}
        self._context: dict[tuple[int, ...], list[tuple[Term, Slot, int]]] = {}
        self._scan_start: int | None = None
        for node in graph.nodes:
            if not graph.is_merged(node):
                self._lower(node)
        self._add_context()
        self.program.outputs = self._slots[outputs]

    def _place(self, node: Traced) -> Slot:
        """Where the result of a node goes: into the concatenation that alone uses it, over the value it is computed
        from, or into new memory."""
        user, _ = self.graph.only_use(node)
        if user is not None and user.kind == "cat" and node.kind in COMPUTED and user.step == node.step:
            before = user.terms[: [t.node for t in user.terms].index(node)]
            return self._slot(user).part(sum(t.node.size for t in before), node.size)
        if node.kind in UNARY and self.graph.may_overwrite(node.terms[0].node, node):
            return self._slots[node.terms[0].node]
        return self.program.state.take(node.size)

    def _slot(self, node: Traced) -> Slot:
        """The state that holds a node's value."""
        if node not in self._slots:
            if node.kind == "part":
                self._slots[node] = self._slot(node.terms[0].node).part(node.data, node.size)
            else:
                self._slots[node] = self._place(node)
        return self._slots[node]

    def _lower(self, node: Traced) -> None:
        kind = "unary" if node.kind in UNARY else node.kind
        if kind not in ("part", "keep", "define"):
            self._slot(node)
        getattr(self, f"_lower_{kind}")(node, self.graph.stage(node))
        if node in self.graph.stored and kind != "memory":
            self._store(node, self.graph.stage(node))

    def _add(self, stage: int, code: int, node: Traced, slot: Slot, **values: int) -> int:
        looped = node in self.graph.looped and stage == PIXEL
        at = len(self.program.operations)
        if node not in self.graph.scanned:
            self._scan_start = None
        elif stage == ROW:  # before the scan, which must not be interrupted
            self._scan_start = at = at if self._scan_start is None else self._scan_start
            self._scan_start += 1
        elif self._scan_start is None:
            self._scan_start = at
        self.program.add(stage, code, at=at, looped=looped, step=node.step, dst=slot.start, outputs=slot.size, **values)
        return at

    def _store(self, node: Traced, stage: int) -> None:
        self._add(stage, op.STORE, node, self._grid_slot(node), src=self._slots[node].start)

    def _grid_slot(self, node: Traced) -> Slot:
        if node not in self._grid:
            self._grid[node] = self.program.grid.take(node.size)
        return self._grid[node]

    def _lower_part(self, node: Traced, stage: int) -> None:
        self._slot(node)

    def _lower_map(self, node: Traced, stage: int) -> None:
        if any(term.matrix is None for _, term in self.graph.users[node]):
            self._zero(stage, node, self._slots[node])
            self._add_row_inputs(node, self._slots[node], Term(node))

    def _lower_rows(self, node: Traced, stage: int) -> None:
        slot = self._slots[node]
        block = self.program.rows.take(slot.size)
        self._zero(stage, node, slot)
        self._add(stage, op.ADD_ROWS, node, slot, src=block.start)
        self.program.inputs.append(RowInput(None, 0, 0, node.step, block))

    def _lower_picture(self, node: Traced, stage: int) -> None:
        if any(term.matrix is None for _, term in self.graph.users[node]):
            self._window(stage, node, self._slots[node], [Term(node)])

    def _lower_memory(self, node: Traced, stage: int) -> None:
        slot, data = self._slots[node], node.data
        for name, column in (("left", -1), ("right", self.program.width)):
            if data[name] is not None:
                self.program.starts.append((slot, data[name], column))
        if data["above"] is not None:
            self.program.above.append((self._grid_slot(node), data["above"]))

    def _lower_define(self, node: Traced, stage: int) -> None:
        memory, value = node.data, self._slots[node.terms[0].node]
        self._add(stage, op.COPY, node, self._slots[memory], src=value.start)
        if memory in self.graph.stored:
            self._store(memory, stage)

    def _lower_unary(self, node: Traced, stage: int) -> None:
        self._add(stage, UNARY[node.kind], node, self._slots[node], src=self._slots[node.terms[0].node].start)

    def _lower_mul(self, node: Traced, stage: int) -> None:
        a, b = (self._slots[term.node].start for term in node.terms)
        self._add(stage, op.MUL, node, self._slots[node], src=a, other=b)

    def _lower_cat(self, node: Traced, stage: int) -> None:
        start = 0
        for term in node.terms:
            place, given = self._slots[node].part(start, term.node.size), self._slots[term.node]
            if place != given:
                self._add(self.graph.stage(term.node), op.COPY, node, place, src=given.start)
            start += term.node.size

    def _lower_grow(self, node: Traced, stage: int) -> None:
        matrices, bias = node.data
        first = self.program.matrices(matrices)
        biases = self.program.matrices(bias[:, None])
        given, values = self._grid_slot(node.terms[0].node), {"weights": first, "other": biases}
        self._add(stage, op.GROW, node, self._slots[node], src=given.start, inputs=given.size, **values)

    def _lower_keep(self, node: Traced, stage: int) -> None:
        data = {name: node.data[name] for name in ("heads", "keys", "values", "zero_key")}
        node.data["number"] = number = self.program.attention(step=node.step, **data)
        self._add(stage, op.KEEP, node, Slot(0, 0), src=self._slots[node.terms[0].node].start, other=number)

    def _lower_attend(self, node: Traced, stage: int) -> None:
        number, query = node.data.data["number"], self._slots[node.terms[0].node]
        self._add(stage, op.ATTEND, node, self._slots[node], src=query.start, other=number)

    def _lower_sum(self, node: Traced, stage: int) -> None:
        terms, bias = self._flat(node)
        stages = [ROW if stage == ROW else self.graph.stage_of_term(term) for term in terms]
        early = [term for term, one in zip(terms, stages, strict=True) if one == ROW != stage]
        late = [term for term, one in zip(terms, stages, strict=True) if one != ROW or stage == ROW]
        plain, begun = [term for term in late if is_plain(term)], list[Slot]()
        if early or (bias is not None and plain):  # a constant is written once a row
            base = self.program.state.take(node.size)
            self._fill(ROW, node, base, [], bias)
            self._add_terms(ROW, node, base, early)
            begun, bias = [base], None
        begun += [self._slots[term.node] for term in plain]
        self._fill(stage, node, self._slots[node], begun, bias)
        self._add_terms(stage, node, self._slots[node], [term for term in late if not is_plain(term)])

    def _flat(self, node: Traced) -> tuple[list[Term], Tensor | None]:
        """The terms and the bias of a sum, with the sums that are merged into it."""
        terms, bias = list[Term](), node.data
        for term in node.terms:
            if term.node is not node and self.graph.is_merged(term.node):
                inner, more = self._flat(term.node)
                terms += inner
                bias = more if bias is None else bias if more is None else bias + more
            else:
                terms.append(term)
        return terms, bias

    def _fill(self, stage: int, node: Traced, slot: Slot, given: Sequence[Slot], bias: Tensor | None) -> None:
        """Set a slot to the sum of others and a bias, of which one is not given."""
        if not given:
            self._zero(stage, node, slot, bias)
        elif len(given) == 1:
            self._add(stage, op.COPY, node, slot, src=given[0].start)
        else:
            self._add(stage, op.SUM, node, slot, src=given[0].start, other=given[1].start)
        for more in given[2:]:
            self._add(stage, op.ADD, node, slot, src=more.start)

    def _zero(self, stage: int, node: Traced, slot: Slot, bias: Tensor | None = None) -> None:
        weights = self.program.vector(torch.zeros(slot.size) if bias is None else bias)
        self._add(stage, op.FILL, node, slot, weights=weights)

    def _add_terms(self, stage: int, node: Traced, slot: Slot, terms: Sequence[Term]) -> None:
        pictures = [term for term in terms if reads_picture(term)]
        for _, some in groupby(pictures, key=lambda term: id(term.node)):
            window = list(some)
            size = sum(term.node.size for term in window)
            inputs = self.program.state.take(size)
            self._window(stage, node, inputs, window)
            matrix = torch.cat([term.matrix for term in window if term.matrix is not None])
            self._product(stage, node, slot, inputs, matrix)
        for term in terms:
            if not reads_picture(term):
                self._add_term(stage, node, slot, term)

    def _add_term(self, stage: int, node: Traced, slot: Slot, term: Term) -> None:
        given, to = term.node, {"dy": term.dy, "dx": term.dx}
        if given.kind == "map" and term.matrix is not None:
            self._add_row_inputs(node, slot, term)
        elif term.matrix is not None and term.dy < 0:
            values = {
                "src": self._grid_slot(given).start,
                "inputs": given.size,
                "weights": self.program.matrix(term.matrix),
            }
            self._add(stage, op.GRID_PRODUCT, node, slot, **values, **to)
        elif term.matrix is not None:
            self._product(stage, node, slot, self._slots[given], term.matrix, dx=term.dx)
        elif term.dy < 0:
            self._add(stage, op.ADD_GRID, node, slot, src=self._grid_slot(given).start, **to)
        else:
            self._add(stage, op.ADD, node, slot, src=self._slots[given].start, dx=term.dx)

    def _product(self, stage: int, node: Traced, slot: Slot, given: Slot, matrix: Tensor, *, dx: int = 0) -> None:
        is_table = matrix.ndim == 3
        assert not (is_table and dx), "a table per picture is only for the pixel itself"
        weights = self.program.table(matrix, is_matrix=True) if is_table else self.program.matrix(matrix)
        code = op.TABLE_PRODUCT if is_table else op.PRODUCT
        self._add(stage, code, node, slot, src=given.start, inputs=given.size, weights=weights, dx=dx)

    def _window(self, stage: int, node: Traced, slot: Slot, terms: Sequence[Term]) -> None:
        """Gather the embedded pixels that terms read."""
        start = slot.start
        for term in terms:
            parts, above = term.node.data
            for channel, table in parts:
                size, shared = table.shape[-1], table.ndim == 2
                values = {"dy": term.dy + above, "dx": term.dx, "other": channel, "inputs": size}
                values["weights"] = self.program.vector(table) if shared else self.program.table(table, is_matrix=False)
                self._add(stage, op.EMBED if shared else op.TABLE_EMBED, node, Slot(start, size), **values)
                start += size

    def _add_row_inputs(self, node: Traced, slot: Slot, term: Term) -> None:
        at = self._add(ROW, op.ADD_ROWS, node, slot)
        key = (id(term.node.data[0]), term.node.data[1], term.node.step)
        self._context.setdefault(key, []).append((term, slot, at))

    def _add_context(self) -> None:
        """One source of row inputs for each map: all products with it at once."""
        for terms in self._context.values():
            given, sizes = terms[0][0].node, [slot.size for _, slot, _ in terms]
            block, start = self.program.rows.take(sum(sizes)), 0
            for (_, _, number), size in zip(terms, sizes, strict=True):
                self.program.operations[number] = self.program.operations[number].at(src=block.start + start)
                start += size
            identity = torch.eye(given.size)
            matrix = torch.cat([identity if t.matrix is None else t.matrix for t, _, _ in terms], dim=1)
            features, dy = given.data
            self.program.inputs.append(RowInput(features, self.program.matrix(matrix), dy, given.step, block))
