"""EDGE: finds WordNet 3.0 and the Open Multilingual Wordnet, checks the version, reads what is needed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imagenet_build.config.models import TaxonomyConfig
from imagenet_build.errors import WordNetUnusable
from imagenet_build.records import ENGLISH
from imagenet_build.taxonomy.omw import Omw, read_lemmas
from imagenet_build.taxonomy.places import Folder, data_dir, folders_named, label, nltk_folders, read_file
from imagenet_build.taxonomy.wordnet import WordNet

NOUN_FILES = ("data.noun", "index.noun", "noun.exc")
SIZE_BYTES = 15_300_280
KNOWN_SHA256 = {
    "489f145e0f68877c0be5bd0eb4117adaaac52f38f6204eb8d85dbe2158b614cc": "WordNet 3.0",
    "fea17d2f9656611334eac790e5d69e47645fa180c4aa481fb4cd9b3520754ca2": "WordNet 3.0 (Debian)",
}
"""sha256 of data.noun. Debian's build differs only in pointers to verbs; synsets, offsets and glosses are the same."""

_NAMES = ("wordnet",)
_OMW_NAMES = ("omw-2.0", "omw-1.4", "omw")
_TAB = re.compile(r"wn-data-(\w+)\.tab")
_VERSION = re.compile(rb"WordNet (\d\.\d) Copyright")
_INSTALL = "`imagenet-build data install` fetches WordNet 3.0, or set taxonomy.wordnet_dir."


@dataclass(frozen=True, slots=True)
class WordNetFiles:
    """A WordNet that was found; `problem` says why it cannot be used, empty if it can."""

    folder: Folder
    version: str
    problem: str = ""

    @property
    def path(self) -> str:
        """Where it lies."""
        return label(self.folder)


def wordnets(config: TaxonomyConfig) -> Iterator[tuple[WordNetFiles, bytes]]:
    """Every WordNet in the places where it is looked for, in that order, checked, with its data.noun.

    The order: the configured path (then only this one), NLTK's search path, the project's `data/wordnet/`.
    """
    bases = [config.wordnet_dir] if config.wordnet_dir else [*nltk_folders(), data_dir() / "wordnet"]
    seen: set[str] = set()
    for base in bases:
        for folder in folders_named(base, _NAMES):
            if label(folder) not in seen and (folder / "data.noun").is_file():
                seen.add(label(folder))
                data = read_file(folder, "data.noun")
                yield examine(folder, data), data


def examine(folder: Folder, data: bytes) -> WordNetFiles:
    """Which version a data.noun is, and whether it can be used."""
    version = KNOWN_SHA256.get(hashlib.sha256(data).hexdigest(), "")
    missing = [name for name in NOUN_FILES[1:] if not (folder / name).is_file()]
    if missing:
        return WordNetFiles(folder, version or "incomplete", f"{' and '.join(missing)} is missing beside data.noun")
    if version:
        return WordNetFiles(folder, version)
    return WordNetFiles(folder, *_foreign(data))


def _foreign(data: bytes) -> tuple[str, str]:
    """What a data.noun seems to be that is not WordNet 3.0, and what is wrong with that."""
    said = _VERSION.search(data[:4096])
    version = f"WordNet {said[1].decode()}" if said else "an unknown version"
    if b"\r\n" in data[:4096]:
        return version, f"its line ends are CRLF, so every offset is wrong (it says it is {version})"
    if version != "WordNet 3.0":
        return version, f"it is {version}, and synset ids are offsets of WordNet 3.0"
    if len(data) != SIZE_BYTES:
        return version, f"it is a damaged or changed WordNet 3.0: data.noun has {len(data):,} bytes, not {SIZE_BYTES:,}"
    return version, "it is a changed WordNet 3.0: data.noun has the right size but another sha256"


def load_wordnet(config: TaxonomyConfig) -> WordNet:
    """Read the first usable WordNet.

    Raises:
        WordNetUnusable: none is found, or only such of another version (`any_version` takes these too), or the files
            are damaged.
    """
    refused: list[str] = []
    for found, data in wordnets(config):
        if not found.problem or (config.any_version and found.version != "incomplete"):
            return WordNet(data, partial(read_file, found.folder), source=f"The WordNet in {found.path}")
        refused.append(f"The WordNet in {found.path} cannot be used: {found.problem}.")
    if refused:
        raise WordNetUnusable(" ".join(refused), source="wordnet", remedy=_INSTALL)
    where = str(config.wordnet_dir) if config.wordnet_dir else f"NLTK's search path or {data_dir() / 'wordnet'}"
    raise WordNetUnusable(f"WordNet 3.0 is not in {where}: no data.noun.", source="wordnet", remedy=_INSTALL)


@dataclass(frozen=True, slots=True)
class TabFile:
    """One project's wordnet of one language."""

    project: str
    language: str
    folder: Folder
    file: str


def omw_files(config: TaxonomyConfig) -> tuple[str, list[TabFile]]:
    """The first place that holds `wn-data-<lang>.tab` files, and these; ("", []) if there is none.

    The order: the configured path (then only this one), NLTK's search path (omw-2.0 before omw-1.4), `data/omw/`.
    """
    bases = [config.omw_dir] if config.omw_dir else [*nltk_folders(), data_dir() / "omw"]
    for base in bases:
        for folder in folders_named(base, _OMW_NAMES):
            files = tab_files(folder)
            if files:
                return label(folder), files
    return "", []


def tab_files(folder: Folder) -> list[TabFile]:
    """Tab files in a folder and in its folders, the project of a language's own name first, then by name."""
    found: list[TabFile] = []
    for entry in folder.iterdir():
        inside = entry if entry.is_dir() else folder
        for file in entry.iterdir() if entry.is_dir() else (entry,):
            matched = _TAB.fullmatch(file.name)
            if matched:
                found.append(TabFile(inside.name, matched[1], inside, file.name))
    return sorted(found, key=lambda tab: (tab.language, tab.project != tab.language, tab.project))


def load_omw(config: TaxonomyConfig, languages: Iterable[str]) -> Omw:
    """Read the noun lemmas of the wanted languages; languages that no wordnet has are simply absent.

    Raises:
        WordNetUnusable: a configured path without such files, or a file that is not UTF-8 text.
    """
    wanted = [language for language in dict.fromkeys(languages) if language != ENGLISH]
    where, files = omw_files(config)
    if config.omw_dir and not files:
        raise WordNetUnusable(
            f"{config.omw_dir} holds no wn-data-<language>.tab.", source="omw", remedy="Correct taxonomy.omw_dir."
        )
    lemmas = {}
    for language in wanted:
        texts = [_text(tab, where) for tab in files if tab.language == language]
        if texts:
            lemmas[language] = read_lemmas(texts)
    return Omw(lemmas)


def _text(tab: TabFile, where: str) -> str:
    try:
        return read_file(tab.folder, tab.file).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WordNetUnusable(f"{tab.file} in {where} is not UTF-8 text: {error}.", source="omw") from None


def is_intact_wordnet(folder: Path) -> bool:
    """Whether a folder holds WordNet 3.0's noun files, verified by hash."""
    file = folder / "data.noun"
    return file.is_file() and not examine(folder, file.read_bytes()).problem
