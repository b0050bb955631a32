"""imagededup (https://github.com/idealo/imagededup) in a virtual environment of its own, and what it says of a folder.

Its hashing methods need neither torch nor torchvision, only its import does; those are left out (3 GB), and empty
modules stand in for them.
"""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path
from typing import Any

PACKAGE = "imagededup==0.3.3.post2"
NEEDED = ("numpy<2", "Pillow", "PyWavelets", "scipy", "scikit-learn", "tqdm", "matplotlib")
_SCRIPT = """
import json, sys, time
from unittest.mock import MagicMock
absent = ["imagededup.methods.cnn", "torch", "torchvision"]
absent += ["torch.nn", "torch.utils", "torch.utils.data", "torchvision.models", "torchvision.transforms"]
absent += ["torchvision.transforms.functional", "torchvision.models.vision_transformer", "torch.utils.data.dataset"]
sys.modules.update({name: MagicMock(Tensor=type("Tensor", (), {})) for name in absent})
from imagededup.methods import PHash
for name in absent:
    del sys.modules[name]
started = time.perf_counter()
method = PHash(verbose=False)
encodings = method.encode_images(image_dir=sys.argv[1])
encoded = time.perf_counter()
found = method.find_duplicates(encoding_map=encodings, scores=False)
seconds = {"encode_s": encoded - started, "find_s": time.perf_counter() - encoded}
json.dump({**seconds, "found": found}, open(sys.argv[2], "w"))
"""


def install(work: Path) -> Path:
    """The environment's Python; made once per work folder."""
    folder = work / "imagededup-venv"
    ready = folder / "ready"
    if not ready.exists():
        print(f"installing {PACKAGE} into {folder}", flush=True)
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--no-deps", PACKAGE], check=True)
        subprocess.run([*pip, *NEEDED], check=True)
        ready.write_text(PACKAGE)
    return folder / "bin/python"


def duplicates(python: Path, folder: Path, work: Path) -> dict[str, Any]:
    """PHash with its defaults: seconds for hashing (`encode_s`), searching (`find_s`); `found`: name -> names."""
    answer = work / "imagededup.json"
    subprocess.run([python, "-c", _SCRIPT, str(folder), str(answer)], check=True, capture_output=True)
    found: dict[str, Any] = json.loads(answer.read_text())
    return found
