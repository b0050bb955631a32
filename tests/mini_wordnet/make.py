"""Writes the small WordNet of `nouns.py` in WordNet's own format (wndb(5WN)), and wordnets linked to it in OMW's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.mini_wordnet.nouns import IRREGULAR, LEMMAS, NOUNS, Entry

HEADER = (
    b"  1 This small file has the form of WordNet's data.noun and was written for tests.  \n"
    b"  2 Its offsets are its own.  \n"
)
LEXNAMES = "".join(f"{number:02d}\tnoun.{number}\t1\n" for number in range(46))


def build(folder: Path) -> None:
    """Write `folder/wordnet/` and `folder/omw/`."""
    write_wordnet(folder / "wordnet", NOUNS)
    offsets = offsets_of(NOUNS)
    for (project, language), entries in LEMMAS.items():
        rows = [
            f"{offsets[key]:08d}-n\t{tag}\t{lemma}\n"
            for key, lemmas in entries.items()
            for lemma in lemmas.split("|")
            for tag in ["lemma" if language == "spa" else f"{language}:lemma"]
        ]
        rows.append(f"{offsets['dog']:08d}-v\t{language}:lemma\tnot a noun\n")
        rows.append(f"{offsets['dog']:08d}-n\t{language}:def\t0\tnot a lemma\n")
        file = folder / "omw" / project / f"wn-data-{language}.tab"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {project}\t{language}\ttests\tCC0\n{''.join(rows)}", encoding="utf-8")


def write_wordnet(folder: Path, nouns: Sequence[Entry]) -> None:
    """Write data.noun, index.noun and noun.exc."""
    folder.mkdir(parents=True, exist_ok=True)
    offsets = offsets_of(nouns)
    lines = [_line(entry, offsets, own=offset) for entry, offset in zip(nouns, offsets.values(), strict=True)]
    (folder / "data.noun").write_bytes(HEADER + b"".join(lines))
    (folder / "index.noun").write_bytes(_index(nouns, offsets))
    (folder / "noun.exc").write_text("".join(f"{plural} {word}\n" for plural, word in sorted(IRREGULAR.items())))


def offsets_of(nouns: Sequence[Entry]) -> dict[str, int]:
    """Key (first lemma, `#2` for a second sense) -> byte offset; offsets have 8 digits, so lengths are known first."""
    keys = [lemmas.split()[0] for lemmas, *_ in nouns]
    unplaced = dict.fromkeys(keys, 0)
    offsets: dict[str, int] = {}
    position = len(HEADER)
    for key, entry in zip(keys, nouns, strict=True):
        offsets[key] = position
        position += len(_line(entry, unplaced, own=0))
    return offsets


def _words(lemmas: str) -> list[str]:
    return [lemma.partition("#")[0] for lemma in lemmas.split()]


def _line(entry: Entry, offsets: dict[str, int], *, own: int) -> bytes:
    lemmas, gloss, parents, more = entry
    words = _words(lemmas)
    pointers = [f"@ {offsets[parent]:08d} n 0000" for parent in parents.split()]
    pointers += [f"@i {offsets[kind]:08d} n 0000" for kind in more.get("instance_of", "").split()]
    pointers += [f"#m {offsets[group]:08d} n 0000" for group in more.get("member_of", "").split()]
    pointers += [
        f";u {offsets[domain]:08d} n {lemma:02x}{1 if lemma else 0:02x}" for domain, lemma in more.get("usage", [])
    ]
    spelled = " ".join(f"{word} 0" for word in words)
    fields = [f"{own:08d} 03 n {len(words):02x} {spelled} {len(pointers):03d}", *pointers]
    return f"{' '.join(fields)} | {gloss}  \n".encode()


def _index(nouns: Sequence[Entry], offsets: dict[str, int]) -> bytes:
    senses: dict[str, list[tuple[int, int]]] = {}
    for (lemmas, *_), (key, offset) in zip(nouns, offsets.items(), strict=True):
        rank = int(key.partition("#")[2] or 1)
        for place, word in enumerate(_words(lemmas)):
            senses.setdefault(word.lower(), []).append((rank + (place > 0), offset))
    lines = [
        f"{word} n {len(found)} 1 @ {len(found)} 0 {' '.join(f'{offset:08d}' for _, offset in sorted(found))}  \n"
        for word, found in senses.items()
    ]
    return HEADER + b"".join(sorted(line.encode() for line in lines))


def add_files_for_nltk(folder: Path) -> None:
    """Empty files of the other parts of speech: NLTK's reader wants them all."""
    for part in ("verb", "adj", "adv"):
        for name in (f"data.{part}", f"index.{part}", f"{part}.exc"):
            (folder / name).write_bytes(b"")
    for name in ("cntlist.rev", "index.sense"):
        (folder / name).write_bytes(b"")
    (folder / "lexnames").write_text(LEXNAMES)
