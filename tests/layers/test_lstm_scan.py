"""The compiled scan of LSTMs against its twin in PyTorch: states, gradients, threads, compiled steps."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelart.layers import lstm_scan
from pixelart.layers.compiling import IS_COMPILED
from pixelart.layers.context import Context
from pixelart.layers.lstm_scan import Wavefront, along_diagonals, down_rows
from pixelart.training.objective import forget_activations
from tests.models.checks import lively_model, random_pixels

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="the kernels are not compiled")
Make = Callable[[int, int], Wavefront]
WAVES: dict[str, Make] = {
    "rows": down_rows,
    "from the left": lambda height, width: along_diagonals(height, width, from_right=False),
    "from the right": lambda height, width: along_diagonals(height, width, from_right=True),
}
SHAPES = [(1, 1), (1, 5), (5, 1), (4, 6), (6, 4), (7, 7)]
NAMES = ("h", "c", "gates", "weights", "start")


def scanned(
    wave: Wavefront, shape: tuple[int, int], hidden: int, dtype: torch.dtype, *, pictures: int = 3
) -> dict[str, Tensor]:
    """States and gradients of random gates, the same at every call."""
    random = torch.Generator().manual_seed(hidden)
    gates = torch.randn(pictures, 4 * hidden, *shape, generator=random).to(dtype)
    matrix = torch.randn(wave.taps * hidden, 4 * hidden, generator=random) / hidden**0.5
    start, weight = (torch.randn(*size, generator=random) for size in ((2, hidden), (pictures, hidden, *shape)))
    matrix, start = (x.to(torch.promote_types(dtype, torch.float32)) for x in (matrix, start))
    for x in (gates, matrix, start):
        x.requires_grad_()
    h, c = lstm_scan.lstm_scan(gates, matrix, start, wave)
    gradients = torch.autograd.grad((h * weight).sum(), (gates, matrix, start))
    return dict(zip(NAMES, (h.detach(), c, *gradients), strict=True))


def check_equal(found: dict[str, Tensor], expected: dict[str, Tensor], dtype: torch.dtype) -> None:
    """The states are those of float32 whatever the gates; gradients are as exact as the gates."""
    for name in NAMES:
        is_exact = dtype == torch.float32 or name in ("h", "c")
        limits: dict[str, Any] = {"rtol": 1e-4, "atol": 3e-5} if is_exact else {"rtol": 3e-2, "atol": 5e-2}
        assert found[name].dtype == expected[name].dtype and found[name].shape == expected[name].shape
        torch.testing.assert_close(found[name], expected[name], **limits, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("hidden", [7, 16, 70])
@pytest.mark.parametrize("make", WAVES.values(), ids=WAVES)
def test_states_and_gradients_are_those_of_the_twin(
    make: Make, hidden: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = {shape: scanned(make(*shape), shape, hidden, dtype) for shape in SHAPES}
    monkeypatch.setattr(lstm_scan, "is_fast", lambda gates: False)
    for shape, found in fast.items():
        check_equal(found, scanned(make(*shape), shape, hidden, dtype), dtype)


@pytest.mark.parametrize("make", WAVES.values(), ids=WAVES)
def test_the_twin_has_the_gradients_of_small_differences(make: Make) -> None:
    shape, hidden = (2, 3), 1
    wave = make(*shape)
    sizes = (1, 4 * hidden, *shape), (wave.taps * hidden, 4 * hidden), (2, hidden)
    given = [torch.randn(*size, dtype=torch.float64).requires_grad_() for size in sizes]
    assert torch.autograd.gradcheck(
        lambda gates, matrix, start: lstm_scan.lstm_scan(gates, matrix, start, wave)[0], given
    )


@pytest.mark.parametrize("make", WAVES.values(), ids=WAVES)
def test_a_picture_is_the_same_bits_alone_and_on_another_thread(make: Make, same_threads: None) -> None:
    shape, hidden, states = (5, 4), 10, []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        gates = torch.randn(3, 4 * hidden, *shape, generator=torch.Generator().manual_seed(0))
        matrix, start = torch.ones(make(*shape).taps * hidden, 4 * hidden) / hidden, torch.ones(2, hidden)
        states += [lstm_scan.lstm_scan(some, matrix, start, make(*shape))[0] for some in (gates, gates[1:2])]
    for h in states[1:]:
        torch.testing.assert_close(h[0], states[0][1 if len(h) == 1 else 0], rtol=0, atol=0)


def test_a_nan_stays_a_nan_and_none_appear() -> None:
    gates = torch.randn(2, 16, 3, 4)
    gates[1, 5, 1, 2] = torch.nan
    gates[0, :, 0, 0] = torch.tensor([-torch.inf, torch.inf, 1e4, -1e4]).repeat(4)
    h, _ = lstm_scan.lstm_scan(gates, torch.randn(12, 16), torch.zeros(2, 4), down_rows(3, 4))
    assert h[0].isfinite().all() and h[1, :, 1, 2].isnan().any() and h[1, :, 0].isfinite().all()


def test_what_is_not_trained_keeps_no_activations() -> None:
    gates, matrix, start = torch.randn(1, 12, 16), torch.randn(12, 16), torch.zeros(2, 4)
    kept = [lstm_scan._scan(gates, matrix, start, list(down_rows(3, 4)), keep) for keep in (True, False)]
    assert [made[2].numel() for made in kept] == [gates.numel(), 0]
    for trained, other in zip(kept[0][:2], kept[1][:2], strict=True):
        np.testing.assert_array_equal(trained, other)


@pytest.mark.parametrize("kernel", ["scan_forward", "scan_backward"])
def test_memory_lives_as_long_as_a_thread_writes_to_it(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the call that waits for the threads has ended by an exception, such as KeyboardInterrupt."""
    memory, alive = list[Any](), list[bool]()
    has_begun, may_end, has_ended = (threading.Event() for _ in range(3))

    def watched(plain: Callable[..., Any]) -> Callable[..., Any]:
        def make(*given: Any) -> Any:
            made = plain(*given)
            memory.extend(weakref.ref(x) for x in (made if isinstance(made, tuple) else (made,)))
            return made

        return make

    def scan(*given: Any) -> None:
        if given[-2] == 0:  # the first picture
            has_begun.wait(60)
            raise KeyboardInterrupt
        has_begun.set()
        may_end.wait(60)
        alive.extend(x() is not None for x in memory)
        has_ended.set()

    for name in ("packed", "_results" if kernel == "scan_forward" else "_gradients"):
        monkeypatch.setattr(lstm_scan, name, watched(getattr(lstm_scan, name)))
    monkeypatch.setattr(lstm_scan.lstm_kernel, kernel, scan)
    torch.set_num_threads(2)
    gates, matrix, start = torch.randn(2, 12, 16), torch.randn(12, 16), torch.zeros(2, 4)
    kept, c, wave = torch.randn(2, 12, 16), torch.randn(2, 12, 4), list(down_rows(3, 4))
    with pytest.raises(KeyboardInterrupt):
        if kernel == "scan_forward":
            lstm_scan._scan(gates, matrix, start, wave, True)
        else:
            lstm_scan._scan_backward(c, kept, c, matrix, start, wave, False)
    gc.collect()
    may_end.set()
    assert has_ended.wait(60) and len(alive) > 2 and all(alive)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch itself
def test_the_operation_keeps_the_rules_of_torch_and_compiles() -> None:
    wave, hidden = along_diagonals(3, 4, from_right=True), 4
    sizes = (2, 12, 4 * hidden), (2 * hidden, 4 * hidden), (2, hidden)
    cells, matrix, start = (torch.randn(*size).requires_grad_() for size in sizes)
    torch.library.opcheck(lstm_scan._scan, (cells, matrix, start, list(wave), True))

    def scan(gates: Tensor) -> Tensor:
        return lstm_scan.lstm_scan(gates, matrix, start, wave)[0]

    gates = torch.randn(2, 4 * hidden, 3, 4)
    compiled = torch.compile(scan)  # pyright: ignore[reportAttributeAccessIssue]
    torch.testing.assert_close(compiled(gates), scan(gates))


@pytest.mark.parametrize("name", ["row_lstm", "diagonal_bilstm"])
def test_the_gradients_of_a_network_are_those_of_the_twin(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also under autocast, and bit for bit where layers recompute their activations."""
    for is_half, limit in ((False, 1e-5), (True, 2e-2)):
        expected, again = (gradients_of(name, is_half=is_half, recompute=recompute) for recompute in (False, True))
        with monkeypatch.context() as patch:
            patch.setattr(lstm_scan, "is_fast", lambda gates: False)
            plain = gradients_of(name, is_half=is_half, recompute=False)
        assert expected.keys() == plain.keys() == again.keys()
        for key, gradient in plain.items():
            assert torch.equal(expected[key], again[key])
            assert (expected[key] - gradient).norm() <= limit * gradient.norm(), key


def gradients_of(name: str, *, is_half: bool, recompute: bool) -> dict[str, Tensor]:
    """Gradients of the mean log p, by parameter."""
    model = lively_model(name, channels=1, levels=6, shape=(6, 7)).requires_grad_()
    if recompute:
        forget_activations(model)
    x = random_pixels(2, 1, 6, (6, 7))
    context = Context(torch.eye(model.config.num_classes)[:2], x, torch.ones(2, 6, 7, dtype=torch.bool))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_half):
        log_p, context_log_p = model.log_probs(x, context)
    (log_p.mean() + context_log_p.mean()).backward()
    return {key: one.grad for key, one in model.named_parameters() if one.grad is not None}
