"""A small WordNet of nouns, written for these tests: names follow WordNet, glosses are our own words.

Each entry is (lemmas, gloss, parents, more); a parent is named by its first lemma, or by `lemma#2` for the second entry
that begins with that lemma. Entries of one lemma are its senses, most frequent first.
"""

from __future__ import annotations

from typing import Any

Entry = tuple[str, str, str, dict[str, Any]]

NOUNS: list[Entry] = [
    ("entity", "whatever there is", "", {}),
    ("physical_entity", "whatever there is that takes up room", "entity", {}),
    ("abstraction abstract_entity", "what is thought of apart from things", "entity", {}),
    (
        "object physical_object",
        'a thing that can be seen and touched; "the table was full of objects"',
        "physical_entity",
        {},
    ),
    ("whole unit", "an object taken as one", "object", {}),
    ("living_thing animate_thing", "a whole that lives or lived", "whole", {}),
    ("organism being", "a living thing that keeps itself alive", "living_thing", {}),
    ("person individual someone", "a human being", "organism", {}),
    ("musician", "a person who plays an instrument", "person", {}),
    ("violinist fiddler", "a musician who plays the violin", "musician", {}),
    ("Paganini", "an Italian who played the violin as nobody before (1782-1840)", "", {"instance_of": "violinist"}),
    ("puppy#2 whippersnapper", "an impertinent young person", "person", {"usage": [("disparagement", 0)]}),
    ("animal beast creature", "an organism that moves by itself", "organism", {}),
    ("domestic_animal", 'an animal kept by people; "a dog is one, and so are goats"', "animal", {}),
    ("pet", "a domestic animal kept for company", "domestic_animal", {}),
    ("carnivore", "an animal that lives on meat", "animal", {}),
    ("canine canid", "a carnivore with claws that it cannot draw in", "carnivore", {}),
    ("wolf", "a wild canine that hunts in packs", "canine", {}),
    (
        "dog domestic_dog Canis_familiaris",
        "a canine that people have kept since long ago; comes in many breeds",
        "canine domestic_animal",
        {},
    ),
    ("frank dog hot_dog", "a sausage in a roll", "food", {}),
    ("food nutrient", "what is eaten", "physical_entity", {}),
    ("puppy", "a young dog", "dog", {}),
    ("hunting_dog", "a dog that helps its master to hunt", "dog", {}),
    ("hound hound_dog", "any of several breeds of hunting dog with drooping ears", "hunting_dog", {}),
    ("greyhound", "a tall slim hound, bred for speed; used in dog races", "hound", {}),
    ("whippet", 'small slender dog of greyhound type, bred in England; "the hound won"', "greyhound", {}),
    ("Italian_greyhound", "a toy greyhound", "greyhound", {}),
    ("working_dog", "a dog that is bred for work, not for show", "dog", {}),
    ("shepherd_dog sheepdog sheep_dog", "a working dog that guards sheep", "working_dog", {}),
    (
        "German_shepherd German_shepherd_dog alsatian",
        "large shepherd dogs that serve the police; the dogs guide blind people too",
        "shepherd_dog",
        {},
    ),
    ("collie", "a silky shepherd dog with a pointed nose", "shepherd_dog", {}),
    ("Lassie", "a collie known from films", "", {"instance_of": "collie"}),
    ("lap-dog lapdog", "a dog that is small enough to sit on a lap", "dog pet", {}),
    ("cat domestic_cat", "a small carnivore that purrs", "carnivore domestic_animal", {}),
    ("kitten kitty", "a young cat", "cat", {}),
    ("goose", "a water bird with a long neck", "bird", {}),
    ("bird", "an animal with feathers and wings", "animal", {}),
    ("crane", "a tall wading bird with long legs", "bird", {}),
    ("crane#2", "a machine with a long arm for lifting loads", "machine", {}),
    ("woodpecker", "a bird that hammers trees for food", "bird", {}),
    ("artifact artefact", "a whole made by people", "whole", {}),
    ("machine", "an artifact with moving parts that does work", "artifact", {}),
    ("instrumentality instrumentation", "an artifact that serves an end", "artifact", {}),
    ("device", "an instrumentality made for one purpose", "instrumentality", {}),
    ("musical_instrument instrument", "a device for making music", "device", {}),
    ("stringed_instrument", "a musical instrument with strings under tension", "musical_instrument", {}),
    ("bowed_stringed_instrument string", "a stringed instrument played with a bow", "stringed_instrument", {}),
    (
        "violin fiddle",
        "the highest of the bowed stringed instruments; played with a bow, its four strings tuned in fifths",
        "bowed_stringed_instrument",
        {},
    ),
    (
        "cello violoncello",
        "a large stringed instrument; the seated player holds it between the knees",
        "bowed_stringed_instrument",
        {},
    ),
    ("guitar", "a stringed instrument with frets, plucked by hand", "stringed_instrument", {}),
    ("harp", "a big stringed instrument of triangular shape", "stringed_instrument", {}),
    ("drum membranophone", "a musical instrument with a skin that is struck", "musical_instrument", {}),
    ("bow", "a stick with horsehair that sounds strings", "device", {}),
    ("bow#2", "a curved weapon that shoots arrows", "device", {}),
    ("vehicle", "an instrumentality that carries people or goods", "instrumentality", {}),
    ("car auto gas_guzzler", "a vehicle with four wheels and an engine", "vehicle", {"usage": [("disparagement", 3)]}),
    ("rustbucket", "an old car in a poor state", "car", {"usage": [("disparagement", 0), ("slang", 0)]}),
    ("banger", "an old car that makes a noise", "car", {"usage": [("slang", 0)]}),
    ("location", "where a thing is", "object", {}),
    ("mountain mount", "land that rises far above what lies around it", "location", {}),
    ("Everest Mount_Everest", "the highest mountain on earth", "", {"instance_of": "mountain"}),
    ("communication", "what is said, written or shown", "abstraction", {}),
    ("disparagement depreciation", "a remark that belittles", "communication", {}),
    ("slang", "words that are not in good use", "communication", {}),
]

IRREGULAR = {"geese": "goose", "wolves": "wolf", "people": "person", "mice": "mouse"}

LEMMAS: dict[tuple[str, str], dict[str, str]] = {
    ("ita", "ita"): {
        "dog": "cane",
        "whippet": "whippet|piccolo_levriero_inglese",
        "greyhound": "levriero|GAP!",
        "German_shepherd": "pastore_tedesco|cane_lupo",
        "shepherd_dog": "cane da pastore",
        "violin": "violino",
        "goose": "GAP!",
        "crane#2": "PSEUDOGAP!",
    },
    ("iwn", "ita"): {"violin": "violino|viola piccola", "guitar": "chitarra (strumento)", "frank": "cane"},
    ("cow", "cmn"): {
        "dog": "狗|犬",
        "whippet": "小灵狗",
        "greyhound": "灰狗",
        "German_shepherd": "德国牧羊犬",
        "shepherd_dog": "牧羊+的犬",
        "violin": "小提琴",
        "stringed_instrument": "弦乐器(乐器",
        "bird": "鸟\ue019",
    },
    ("mcr", "spa"): {
        "dog": "perro|can",
        "violin": "violín",
        "stringed_instrument": "instrumento_de_cuerda",
        "object": "&",
    },
    ("odwn", "nld"): {"dog": "hond", "violin": "viool|[[viool]]", "guitar": "(akoestische) gitaar", "cat": "kat"},
}
