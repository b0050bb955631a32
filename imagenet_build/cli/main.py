"""The command group, and how errors become one paragraph and an exit code."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Mapping

import click
from rich.console import Console

from imagenet_build import __version__
from imagenet_build.errors import BuildError
from imagenet_build.worker_process import expect_many_rows

EXIT_ATTENTION = 1
EXIT_INTERRUPTED = 130


class Group(click.Group):
    """Runs commands; errors raised on purpose end as a paragraph on stderr, never as a traceback.

    A command of `later` is loaded when it is asked for: what the others import would cost every start a second.
    """

    later: Mapping[str, Callable[[], click.Command]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, loaded or not."""
        return sorted({*super().list_commands(ctx), *self.later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, loaded now if it was not."""
        if cmd_name in self.later and cmd_name not in self.commands:
            self.add_command(self.later[cmd_name](), cmd_name)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except BuildError as error:
            Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {_plain(str(error))}", highlight=False)
            sys.exit(error.exit_code)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                sys.exit(0)
            what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
            Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {_plain(what)}.", highlight=False)
            sys.exit(3)
        except (KeyboardInterrupt, click.Abort):
            Console(stderr=True).print("interrupted; what was done is saved")
            sys.exit(EXIT_INTERRUPTED)


def _plain(text: str) -> str:
    """Text with rich's markup brackets escaped."""
    return text.replace("[", "\\[")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="imagenet-build")
@click.option("-v", "--verbose", is_flag=True, help="Say on stderr what happens underneath.")
def main(verbose: bool) -> None:
    """From a subtree of WordNet to a clean, licensed, deduplicated image dataset.

    \b
    First steps:
      imagenet-build demo                        the whole job on real pictures, no account needed
      imagenet-build synsets musical_instrument.n.01
      imagenet-build queries whippet.n.01
      imagenet-build fetch urls.txt --out data/runs/mine     only the pictures of a list of URLs
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    expect_many_rows()
