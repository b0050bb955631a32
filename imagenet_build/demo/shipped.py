"""EDGE: the configurations and reference lists that come with the program, in a checkout or an installed package."""

from __future__ import annotations

from pathlib import Path

import imagenet_build
from imagenet_build.errors import DataError


def shipped_file(name: str) -> Path:
    """The path of a file such as `configs/demo.yaml` or `data/reference/demo_wnids.txt`.

    Raises:
        DataError: the installation lacks it.
    """
    package = Path(imagenet_build.__file__).resolve().parent
    for base in (package / "shipped", package.parent):
        if (base / name).exists():
            return base / name
    raise DataError(f"{name} is missing from this installation.", remedy="Install imagenet-build again.")
