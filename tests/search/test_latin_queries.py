import pytest

from imagenet_build.records import Origin, Query
from imagenet_build.search.engine import SynsetFacts
from imagenet_build.search.latin_queries import latin_name, latin_query, why_not_by_latin_name

FOX = SynsetFacts("n02119789", is_organism=True)
VIOLIN = SynsetFacts("n04536866", is_organism=False)


def query(text: str, language: str = "eng", origin: Origin = Origin.SYNONYM) -> Query:
    return Query("n02119789", text, language, origin, 0)


@pytest.mark.parametrize(
    "name",
    [
        "Vulpes vulpes",
        "Canis familiaris",
        "Felis catus",
        "Panthera leo",
        "Pan troglodytes",
        "Bison bison",
        "Lynx lynx",
        "Acer platanoides",
        "Quercus robur",
        "Allium cepa",
        "Salmo salar",
        "Zea mays",
        "Drosophila melanogaster",
        "Galium mollugo",
        "Pithecellodium unguis-cati",
        "Canis lupus tundrarum",
        "Brassica oleracea botrytis",
        "Gorilla gorilla gorilla",
    ],
)
@pytest.mark.parametrize("language", ["eng", "spa"])
def test_names_of_species_in_any_language(name, language):
    assert latin_name(name, is_organism=True, language=language) == name


@pytest.mark.parametrize(
    "text",
    [
        "dog",
        "Siberian husky",
        "Afghan hound",
        "American robin",
        "Boston terrier",
        "Virginia creeper",
        "California poppy",
        "Texas armadillo",
        "Christmas rose",
        "Swiss pine",
        "English iris",
        "Old World monkey",
        "West Indian satinwood",
        "Irish water spaniel",
        "Pallas's cat",
        "E. coli",
        "King Charles spaniel",
        "vulpes vulpes",
        "VULPES VULPES",
        "Vulpes Vulpes",
        "Vulpes vulpes (Linnaeus)",
        "Vulpes vulpes vulpes vulpes",
        "Вульпес вульпес",
        "小提琴",
        "",
        " ",
    ],
)
def test_other_texts(text):
    assert latin_name(text, is_organism=True, language="eng") == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("genus Leishmania", "Leishmania"),
        ("family Canidae", "Canidae"),
        ("order Accipitriformes", "Accipitriformes"),
        ("Canidae", "Canidae"),
        ("Accipitriformes", "Accipitriformes"),
        ("Pithecanthropus", "Pithecanthropus"),
        ("Rottweiler", ""),
        ("Chihuahua", ""),
        ("Angus", ""),
        ("genus", ""),
        ("family dog", ""),
    ],
)
def test_one_word_is_a_name_of_organisms_in_english_only(text, name):
    assert latin_name(text, is_organism=True, language="eng") == name
    assert latin_name(text, is_organism=False, language="eng") == ""
    assert latin_name(text, is_organism=True, language="deu") == ""


def test_spaces_do_not_matter():
    assert latin_name("  Vulpes   vulpes ", is_organism=True, language="eng") == "Vulpes vulpes"


@pytest.mark.parametrize(
    ("text", "origin", "name"),
    [
        ("Felis catus", Origin.SYNONYM, "Felis catus"),
        ("Felis catus", Origin.TRANSLATION, "Felis catus"),
        ("Felis catus feline", Origin.PARENT_WORD, ""),
        ("Vulpes vulpes", Origin.PARENT_WORD, ""),
        ("Castor", Origin.LATIN, "Castor"),
        ("Castor canadensis", Origin.LATIN, "Castor canadensis"),
        ("beaver", Origin.LATIN, ""),
        ("Castor", Origin.SYNONYM, ""),
    ],
)
def test_origin_of_a_query_counts(text, origin, name):
    assert latin_query(query(text, origin=origin), is_organism=True) == name


def test_reasons_not_to_ask():
    assert why_not_by_latin_name(query("Vulpes vulpes"), FOX, "GBIF") == ""
    assert why_not_by_latin_name(query("Vulpes vulpes", "ita", Origin.TRANSLATION), FOX, "GBIF") == ""
    assert why_not_by_latin_name(query("red fox"), FOX, "GBIF") == "GBIF is asked by Latin names only"
    assert why_not_by_latin_name(query("Stradivarius"), VIOLIN, "GBIF") == "GBIF knows organisms only"
    assert why_not_by_latin_name(query("Vulpes vulpes"), VIOLIN, "GBIF") == "GBIF knows organisms only"
