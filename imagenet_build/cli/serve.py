"""The command `serve`: a run in the browser."""

from __future__ import annotations

import asyncio
import signal
import sys
import webbrowser

import click
import pyarrow as pa

from imagenet_build.cli.run_place import EXISTING_RUN, work_option
from imagenet_build.storage.layout import RunLayout
from imagenet_build.storage.places import Location
from imagenet_build.storage.run_record import read_config
from imagenet_build.web.explorer.app import DEFAULT_PORT, explore
from imagenet_build.web.listening import Serving
from imagenet_build.web.sessions import invitation_link

SWITCH_S = 0.0005
"""How long a thread that reads tables may keep the interpreter while another wants to answer."""


@click.command("serve")
@click.argument("run", type=EXISTING_RUN)
@work_option
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 to let others look, by a link.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
@click.option("--open", "open_browser", is_flag=True, help="Open it in this machine's browser.")
def serve_command(run: Location, host: str, port: int, open_browser: bool) -> None:
    """Look at a run in the browser: its tree, search, treemap, and every picture with where it comes from.

    Nothing is changed, and a build may go on meanwhile: the numbers follow; of a run at a URL, stage by stage. Stop it
    with Ctrl-C.

    \b
    Examples:
      imagenet-build serve data/runs/demo
      imagenet-build serve data/runs/mine --host 0.0.0.0 --port 9000
      imagenet-build serve s3://bucket/runs/birds
    """

    layout = RunLayout(run)
    read_config(layout)  # refuses what is no run before anything is begun

    async def until_stopped() -> None:
        async with explore(layout, host=host, port=port) as serving:
            stopped = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stopped.set)
            _say_where(serving)
            if open_browser:
                await asyncio.to_thread(webbrowser.open, _link(serving))
            await stopped.wait()

    sys.setswitchinterval(SWITCH_S)
    pa.set_memory_pool(pa.system_memory_pool())  # the default one keeps for each thread what that thread has read
    asyncio.run(until_stopped())


def _say_where(serving: Serving) -> None:
    if serving.needs_token:
        click.echo(f"Whoever has this link can look at the run: {_link(serving)}")
        click.echo("The connection is not encrypted: on an open network, put it behind a proxy with https.")
    else:
        click.echo(f"Open {serving.url} in a browser.")
    click.echo("Ctrl-C ends it.")


def _link(serving: Serving) -> str:
    return invitation_link(serving.reachable_url, serving.secret) if serving.needs_token else serving.url
