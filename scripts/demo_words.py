"""Measure the demo's word list against the captions it is meant for.

    python scripts/demo_words.py STAMPS_DIR WORDNET

STAMPS_DIR is the folder `usr/share/tuxpaint/stamps` of Debian's package tuxpaint-stamps-default; WORDNET is the
`data.noun` of WordNet 3.0, or a zip that holds it. A picture counts for a synset when all words of one lemma occur in
its caption of that language: whole words, stemmed; Chinese by substring. Queries with a parent word ask for more words
still and so find nothing that is not counted here.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections import defaultdict
from pathlib import Path

from nltk.stem import SnowballStemmer

REFERENCE = Path(__file__).resolve().parent.parent / "data" / "reference"
CAPTION_KEYS = {"cmn": "zh_CN.utf8", "spa": "es.utf8", "nld": "nl.utf8", "ita": "it.utf8"}
STEMMERS = {
    "eng": SnowballStemmer("english"),
    "spa": SnowballStemmer("spanish"),
    "nld": SnowballStemmer("dutch"),
    "ita": SnowballStemmer("italian"),
}
Lemmas = dict[str, list[str]]


def listed_synsets() -> dict[str, str]:
    """The names of the listed synsets by wnid."""
    lines = (REFERENCE / "demo_wnids.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("#", 1) for line in lines if line.startswith("n"))
    return {wnid.strip(): name.strip() for wnid, name in pairs}


def english_lemmas(wordnet: Path, wnids: list[str]) -> Lemmas:
    """Lemmas by wnid, read at the byte offsets that the wnids are."""
    if wordnet.suffix == ".zip":
        with zipfile.ZipFile(wordnet) as archive:
            member = next(name for name in archive.namelist() if name.endswith("data.noun"))
            data = archive.read(member)
    else:
        data = wordnet.read_bytes()
    lemmas = {}
    for wnid in wnids:
        offset = int(wnid[1:])
        fields = data[offset : data.index(b"\n", offset)].decode("ascii").split(" ")
        lemmas[wnid] = [word.replace("_", " ") for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]
    return lemmas


def translated_lemmas(language: str) -> Lemmas:
    """Lemmas by wnid from the demo's own wordnet."""
    lemmas: Lemmas = defaultdict(list)
    path = REFERENCE / "demo_omw" / "demo" / f"wn-data-{language}.tab"
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        synset, _, lemma = line.split("\t")
        lemmas[f"n{synset[:8]}"].append(lemma)
    return lemmas


def read_captions(folder: Path) -> dict[Path, dict[str, str]]:
    """Caption by language for each PNG that has a caption file beside it."""
    captions = {}
    for picture in sorted(folder.rglob("*.png")):
        text_file = picture.with_suffix(".txt")
        if not text_file.exists():
            continue
        first, *rest = text_file.read_text(encoding="utf-8").splitlines()
        by_key = dict(line.split("=", 1) for line in rest if "=" in line)
        captions[picture] = {"eng": first} | {lang: by_key.get(key, "") for lang, key in CAPTION_KEYS.items()}
    return captions


def stems(text: str, language: str) -> frozenset[str]:
    """The distinct stems of a text's words."""
    return frozenset(STEMMERS[language].stem(word) for word in re.findall(r"\w+", text.lower()))


def found(lemmas: Lemmas, captions: dict[Path, dict[str, str]], language: str) -> dict[str, set[Path]]:
    """Pictures by wnid that the lemmas find in one language."""
    if language == "cmn":
        return {
            wnid: {path for path, texts in captions.items() if any(word in texts["cmn"] for word in words)}
            for wnid, words in lemmas.items()
        }
    index = {path: stems(texts[language], language) for path, texts in captions.items()}
    pictures = {}
    for wnid, words in lemmas.items():
        wanted = [stems(word, language) for word in words]
        pictures[wnid] = {path for path, have in index.items() if any(want and want <= have for want in wanted)}
    return pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stamps", type=Path)
    parser.add_argument("wordnet", type=Path)
    parser.add_argument("--show", action="store_true", help="also list every synset with what finds it")
    arguments = parser.parse_args()

    names = listed_synsets()
    captions = read_captions(arguments.stamps)
    english = found(english_lemmas(arguments.wordnet, list(names)), captions, "eng")
    by_language = {}
    counts: dict[str, object] = {"synsets": len(names), "captioned pictures": len(captions)}
    for language in CAPTION_KEYS:
        lemmas = {wnid: words for wnid, words in translated_lemmas(language).items() if wnid in names}
        by_language[language] = found(lemmas, captions, language)
        counts[f"synsets with {language} lemmas"] = len(lemmas)
        counts[f"non-empty by {language} alone"] = sum(map(bool, by_language[language].values()))
    together = {wnid: english[wnid].union(*(hits.get(wnid, set()) for hits in by_language.values())) for wnid in names}
    pairs = sum(len(together[wnid] - english[wnid]) for wnid in names)
    in_english: set[Path] = set().union(*english.values())
    counts["non-empty by English alone"] = sum(map(bool, english.values()))
    counts["non-empty in all languages"] = sum(map(bool, together.values()))
    counts["(synset, picture) pairs"] = sum(map(len, together.values()))
    counts["pairs only by translation"] = pairs
    counts["pictures found"] = len(set().union(*together.values()))
    counts["pictures found only by translation"] = len(set().union(*together.values()) - in_english)
    if arguments.show:
        for wnid, name in names.items():
            extra = sorted(path.stem for path in together[wnid] - english[wnid])
            print(wnid, name, sorted(path.stem for path in english[wnid]), extra, sep="\t")
    print(json.dumps(counts, indent=2))


if __name__ == "__main__":
    main()
