"""What the program loads before it does anything."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("aiohttp", "pandas", "pyarrow", "imagenet_build.pipeline")


def loaded_after(code: str) -> set[str]:
    """Modules of a fresh process after some code."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_commands_are_loaded_when_they_are_called() -> None:
    assert not loaded_after("from imagenet_build.cli.app import main") & set(HEAVY)


def test_stems_load_no_statistics_and_leave_them_to_others() -> None:
    stemming = "from imagenet_build.collection.words import stem\nassert stem('dogs', 'eng') == 'dog'"
    loaded = loaded_after(stemming)
    assert "nltk.stem.snowball" in loaded
    assert "scipy.stats" not in loaded
    assert "scipy.stats" in loaded_after(f"{stemming}\nimport scipy.stats")
