"""axe-core, the accessibility checker, from the npm registry: it is not part of this project."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

VERSION = "4.14.1"
FETCH_S = 60
SERIOUS = ("serious", "critical")
_RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


def axe_source(cache: Path) -> str:
    """The script; a test without it is skipped, and says why."""
    script = cache / f"axe-{VERSION}.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core cannot be had: npm is not on the PATH (on Debian: apt-get install npm)")
        command = [npm, "pack", "--silent", f"axe-core@{VERSION}"]
        try:
            done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=FETCH_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"axe-core cannot be had: npm did not answer in {FETCH_S} s")
        packed = cache / done.stdout.strip()
        if done.returncode or not packed.is_file():
            pytest.skip(f"axe-core cannot be had: npm says {done.stderr.strip()[:200]!r}")
        with tarfile.open(packed) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            aside = script.with_suffix(".part")
            aside.write_bytes(member.read())
        aside.replace(script)
        packed.unlink()
    return script.read_text(encoding="utf-8")


def violations(page: Any, source: str) -> list[str]:
    """Serious and critical findings on a page as it stands, one line for each element."""
    page.evaluate(source)
    return [
        f"{found['id']} ({found['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for found in page.evaluate(_RUN)
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]
