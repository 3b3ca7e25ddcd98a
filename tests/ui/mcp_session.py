"""An MCP session with the app, in a process of its own: prints one line of JSON."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from mcp import ClientSession  # pyright: ignore[reportMissingImports]
from mcp.client.streamable_http import streamablehttp_client  # pyright: ignore[reportMissingImports]

from pixelart.ui import build, launch_settings
from pixelart.ui.security.hosting import Hosting
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import OFF


async def talk(url: str) -> dict[str, Any]:
    """What the tools are, and what comes of two calls."""
    async with (
        streamablehttp_client(f"{url}gradio_api/mcp/") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        good = await session.call_tool("generate", {"class_name": "hero", "seed": 5})
        bad = await session.call_tool("generate", {"images": 99})
    return {
        "tools": sorted(tool.name for tool in tools),
        "description": str(next(tool.inputSchema for tool in tools if tool.name == "generate")),
        "drawn": str(good.content),
        "refused": str(bad.content),
    }


def main() -> None:
    """Serves, talks, prints."""
    app: Any = build(FakeEngine(), OFF)  # pyright: ignore[reportArgumentType]
    settings = launch_settings(Hosting("desktop"), tools=True)
    _, url, _ = app.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, **settings)
    print(json.dumps(asyncio.run(talk(url))))
    app.close(verbose=False)
