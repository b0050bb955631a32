"""img2dataset (https://github.com/rom1504/img2dataset) in a virtual environment of its own, and its command line."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

PACKAGES = ("img2dataset==1.47.0", "opencv-python-headless")
VARIANTS = {
    "decoded, not resized": ("--resize_mode=no",),
    "default resize": (),
    "not decoded": ("--disable_all_reencoding=True", "--extract_exif=False"),
}
"""Name -> its options. Without decoding it does not know a picture from a web page; EXIF is then left out as well."""
ENVIRONMENT = {"NO_ALBUMENTATIONS_UPDATE": "1", "WANDB_MODE": "disabled"}
"""Nothing is asked of the network but the pictures."""


def install(work: Path) -> Path:
    """The environment's folder of programs; made once per work folder."""
    if sys.version_info >= (3, 13):
        raise SystemExit(
            "img2dataset needs the module imghdr, which Python 3.13 no longer has: run this with 3.10-3.12."
        )
    folder = work / "img2dataset-venv"
    ready = folder / "ready"
    if not ready.exists():
        print(f"installing {' '.join(PACKAGES)} into {folder}", flush=True)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        ready.write_text("\n".join(PACKAGES))
    return folder / "bin"


def version_of(programs: Path, package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([programs / "python", "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def command(
    programs: Path, variant: str, urls: Path, out: Path, *, images: int, processes: int, threads: int
) -> list[str]:
    """One shard per process: fewer processes would idle, more shards only cost (its own default: 10,000 per shard)."""
    return [
        str(programs / "img2dataset"),
        f"--url_list={urls}",
        f"--output_folder={out}",
        "--output_format=webdataset",
        f"--processes_count={processes}",
        f"--thread_count={threads}",
        f"--number_sample_per_shard={-(-images // processes)}",
        *VARIANTS[variant],
    ]


def kept(out: Path) -> int:
    """Images it kept: by its own statistics, and as many as there are in its shards."""
    said = sum(json.loads(path.read_text())["successes"] for path in out.glob("*_stats.json"))
    stored = 0
    for path in out.glob("*.tar"):
        with tarfile.open(path) as tar:
            stored += sum(1 for member in tar if member.name.endswith(".jpg") and member.size)
    return min(said, stored)
