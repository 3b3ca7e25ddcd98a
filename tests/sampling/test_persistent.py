"""The persistent kernel draws what the CPU draws; tried without a GPU by Triton's interpreter, and compiled for one."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.layers import persistent
from pixelart.models import AutoregressiveModel, list_models
from pixelart.sampling import Controls, sample_cached, sample_persistent
from tests.models.checks import lively_model, noise_for, painted_temperatures
from tests.pretend_device import PRETEND
from tests.sampling.test_second_device import context_for

SIDE, LEVELS = 4, 7
ALL = Controls(painted_temperatures(SIDE, SIDE), top_k=5, top_p=0.9, guidance=1.5, allowed=(0, 1, 2, 4, 5))
IS_HERE = importlib.util.find_spec("triton") is not None
needs_triton = pytest.mark.skipif(not IS_HERE, reason="Triton is not installed: pip install triton (300 MB)")
if IS_HERE:
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported by anything
COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from pixelart.layers.persistent_kernel import draw_columns as kernel

def compiled(**constants):
    pointers = dict.fromkeys("operations attentions".split(), "*i32")
    pointers |= dict.fromkeys("weights tables state grid kept".split(), "*fp32") | {"x": "*i64"}
    pointers |= dict.fromkeys("scratch noise temperature log_prob numbers".split(), "*fp64")
    pointers |= dict.fromkeys("mask permitted allowed".split(), "*u8") | dict.fromkeys(constants, "constexpr")
    signature = {name: pointers.get(name, "i32") for name in kernel.arg_names}
    fixed = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(kernel, signature=signature, constexprs=fixed)
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 8})

blocks = {"LEVEL_BLOCK": 64, "COMPONENT_BLOCK": 1, "OUTPUTS": 128, "INPUTS": 32}
plain = {"CHANNELS": 1, "LEVELS": 64, "COMPONENTS": 0, "HALVES": 1, "IS_LIMITED": False, "HAS_ALLOWED": False}
limited = {"HALVES": 2, "IS_LIMITED": True, "HAS_ALLOWED": True}
mixture = {"CHANNELS": 3, "LEVELS": 256, "COMPONENTS": 10, "LEVEL_BLOCK": 256, "COMPONENT_BLOCK": 16}
for kind in ({}, limited, mixture):
    assert len(compiled(**{**blocks, **plain, **kind}).asm["cubin"]) > 10_000
"""


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> None:
    torch.set_num_threads(1)


def small(name: str, channels: int) -> AutoregressiveModel:
    return lively_model(name, channels=channels, levels=LEVELS, shape=(SIDE, SIDE))


def check_kernel(model: AutoregressiveModel, controls: Controls, *, count: int = 1) -> None:
    context, noise = context_for(model).select(slice(count)), noise_for(model, 3, count=count, shape=(SIDE, SIDE))
    how: dict[str, Any] = {"controls": controls, "noise": noise}
    one, other = sample_cached(model, context, **how), sample_persistent(model, context, **how)
    assert torch.equal(one.x, other.x)
    torch.testing.assert_close(one.log_prob, other.log_prob, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@needs_triton
@pytest.mark.parametrize("name", list_models())
def test_every_variant_draws_the_same(name: str) -> None:
    """With all controls, in the middle of a picture."""
    check_kernel(small(name, 1), ALL)


@pytest.mark.slow
@needs_triton
@pytest.mark.parametrize(("name", "count"), [("gated_pixelcnn", 1), ("pixelcnn_plus_plus", 1), ("row_rnn", 2)])
def test_three_channels_and_no_controls(name: str, count: int) -> None:
    check_kernel(small(name, 3), Controls(), count=count)


@pytest.mark.slow
@needs_triton
def test_the_kernel_compiles_for_a_gpu(tmp_path: Path) -> None:
    """The compiler needs no GPU. What it makes is not run here."""
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run([sys.executable, "-c", COMPILE], env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_without_the_kernel_it_draws_as_cached(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        check_kernel(small("row_rnn", 1), ALL)
    assert "cached instead of persistent, because Triton is not installed" in caplog.text
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    reasons = [persistent.why_not(torch.device(device)) for device in ("cpu", "mps", "cuda")]
    assert reasons == ["Triton does not run on cpu", "Triton does not run on mps", None]
    assert persistent.why_not(PRETEND) == "Triton does not run on pretend"
