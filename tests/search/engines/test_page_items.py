from imagenet_build.search.engines.page_items import address_id


def test_ids_agree_for_spellings_of_one_address():
    assert address_id("http://www.example.org/a.jpg") == address_id("https://example.org/a.jpg?utm_source=x")
    assert address_id("https://example.org/a.jpg") != address_id("https://example.org/b.jpg")
    assert len(address_id("https://example.org/" + "a" * 5000)) == 32
