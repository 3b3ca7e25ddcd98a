"""Proxies of the environment: none is used for this machine itself, and an unusable one is told when it is needed."""

from __future__ import annotations

import os

import pytest
from huggingface_hub import close_session

from pixelart.errors import HubFailure
from pixelart.hub import sign_in
from pixelart.system import proxies
from pixelart.system.proxies import proxy_refusal, settle_proxies

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        for spelling in (name, name.upper()):
            monkeypatch.setenv(spelling, "")  # so that what a test changes is undone
            monkeypatch.delenv(spelling)
    monkeypatch.setattr(proxies, "_rejected", {})
    monkeypatch.setattr(proxies, "find_spec", lambda _: None)


def variables() -> dict[str, str]:
    return {name: os.environ[name] for name in (*NAMES, *map(str.upper, NAMES)) if name in os.environ}


def test_without_proxies_nothing_is_set() -> None:
    settle_proxies()
    assert variables() == {} and proxy_refusal() == ""


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "all_proxy"])
def test_this_machine_is_asked_directly(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.org, localhost")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "[fd00::7]")
    settle_proxies()
    wanted = "example.org,localhost,127.0.0.1,::1,fd00::7"
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == wanted and proxy_refusal() == ""
    assert os.environ[name.lower()] == os.environ[name.upper()] == "http://127.0.0.1:9"


@pytest.mark.parametrize("address", ["socks5://u:secret@127.0.0.1:1080", "socks://127.0.0.1:1", "SOCKS5H://a:1"])
def test_a_socks_proxy_without_its_package_is_told_by_the_hub_alone(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", address)
    settle_proxies()
    assert "all_proxy" not in os.environ and "ALL_PROXY" not in os.environ
    line = "ALL_PROXY is a SOCKS proxy, which needs another package: pip install socksio"
    assert proxy_refusal() == line
    close_session()
    with pytest.raises(HubFailure) as told:
        sign_in("hf_canary")
    assert str(told.value) == f"sign-in: {line}" and "secret" not in str(told.value)


def test_the_hub_settles_them_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    close_session()
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    with pytest.raises(HubFailure, match="sign-in: ALL_PROXY is a SOCKS proxy"):
        sign_in("hf_canary")


def test_a_proxy_for_https_makes_that_for_all_needless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    settle_proxies()
    assert proxy_refusal() == "" and os.environ["https_proxy"] == "http://proxy.example:3128"


def test_a_socks_proxy_with_its_package_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda _: "there")
    monkeypatch.setenv("all_proxy", "socks://127.0.0.1:1080")
    settle_proxies()
    assert os.environ["ALL_PROXY"] == "socks5://127.0.0.1:1080" and proxy_refusal() == ""


@pytest.mark.parametrize("address", ["ftp://a:1", "http://", "http://[", "http://a:99999", "http://a:b"])
def test_what_is_no_proxy_is_set_aside(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    settle_proxies()
    assert "https_proxy" not in os.environ and proxy_refusal().startswith("HTTPS_PROXY is not a proxy address")
