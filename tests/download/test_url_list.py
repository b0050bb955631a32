"""Lists of URLs in every form, and their way into the queue: nothing vanishes, nothing stands there twice."""

import bz2
import gzip
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenet_build.download.add_urls import NO_HOST, add_list, as_queued, refuse_unusable, row_key
from imagenet_build.download.url_list import BATCH, UrlList
from imagenet_build.errors import ConfigError, DataError, SourceError
from imagenet_build.network.host_lanes import host_of
from imagenet_build.records import RejectReason
from imagenet_build.search.canonical_url import canonical_key, fetch_url
from imagenet_build.storage.download_queue import DownloadQueue
from imagenet_build.storage.queue_view import DONE, REFUSED, WAITING, key_digest

URLS = ["https://a.example.org/1.jpg", "http://b.example.org/2.jpg?x=1,2", "https://c.example.org/été 3.jpg"]


def read(path, column="url") -> list[str]:
    return [url for batch in UrlList(path, column).batches() for url in batch]


def write(folder, name, text, encoding="utf-8"):
    path = folder / name
    data = text.encode(encoding) if isinstance(text, str) else text
    opener = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix)
    path.write_bytes(opener(data) if opener else data)
    return path


def parquet(path, urls, column="url", kind=None):
    pq.write_table(pa.table({"id": range(len(urls)), column: pa.array(urls, kind)}), path, row_group_size=2)
    return path


TEXT = "\n".join(URLS)
CSV = "id,url,caption\n" + "".join(f'{n},"{url}","a ""b"",\nc"\n' for n, url in enumerate(URLS))
TSV = "url\tcaption\n" + "".join(f'{url}\t"half a quotation\n' for url in URLS)
JSONL = "".join(json.dumps({"id": n, "url": url}) + "\n" for n, url in enumerate(URLS))


@pytest.mark.parametrize("packing", ["", ".gz", ".bz2"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.txt", TEXT),
        ("list", TEXT),
        ("list.txt", TEXT.replace("\n", "\r\n\r\n") + "\r\n"),
        ("list.txt", "\ufeff# a remark\n  " + TEXT.replace("\n", " \n\n#https://no.example.org\n\t")),
        ("list.csv", CSV),
        ("list.CSV", CSV.replace("\n", "\r\n")),
        ("list.csv", f"url\n{TEXT}\n"),
        ("list.csv", f"{TEXT}\n"),
        ("list.tsv", TSV),
        ("list.tab", TSV.replace("url\t", '"URL"\t')),
        ("list.jsonl", JSONL),
        ("list.ndjson", "\n" + JSONL.replace('"url"', '"Url"')),
        ("list.json", "".join(json.dumps(url) + "\n" for url in URLS)),
    ],
)
def test_every_form_gives_the_urls_in_their_order(tmp_path, name, text, packing):
    assert read(write(tmp_path, name + packing, text)) == URLS


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet(tmp_path, kind):
    values = [url.encode() for url in URLS] if kind == pa.binary() else URLS
    assert read(parquet(tmp_path / "list.parquet", values, "URL", kind)) == URLS


def test_tables_without_a_header_are_known_by_their_urls(tmp_path):
    assert read(write(tmp_path, "cc12m.tsv", "".join(f"{url}\ta dog\n" for url in URLS))) == URLS
    assert read(write(tmp_path, "list.csv", "".join(f'7,"{url}"\n' for url in URLS))) == URLS


def test_another_column(tmp_path):
    path = write(tmp_path, "list.csv", f"url,thumb\nhttps://no.example.org/1.jpg,{URLS[0]}\n")
    assert read(path, "thumb") == URLS[:1]
    assert read(parquet(tmp_path / "list.parquet", URLS, "picture"), "picture") == URLS
    assert read(write(tmp_path, "l.jsonl", json.dumps({"url": "x", "picture": URLS[1]})), "picture") == URLS[1:2]


def test_a_table_without_the_column_is_refused_with_its_columns(tmp_path):
    for path in (
        write(tmp_path, "list.csv", "id,adress\n1,https://a.example.org/1.jpg\n"),
        parquet(tmp_path / "list.parquet", URLS, "adress"),
    ):
        with pytest.raises(ConfigError, match="adress") as caught:
            read(path)
        assert "--url-column" in caught.value.remedy
    with pytest.raises(ConfigError, match="no column of texts"):
        read(parquet(tmp_path / "list.parquet", [1, 2]))


@pytest.mark.parametrize(
    ("name", "text", "first"),
    [
        ("l.csv", f'id,url\n1,{URLS[0]}\n2,\n3,https://no.example.org/a,b.jpg\n4,"{URLS[1]}"\n', "l.csv row 2"),
        ("l.tsv", f"id\turl\n1\t{URLS[0]}\n2\t \n3\n4\t{URLS[1]}\n", "l.tsv row 2"),
        ("l.jsonl", f'{{"url": "{URLS[0]}"}}\n{{"url": 7}}\n{{"url"\n{{"url": "{URLS[1]}"}}\n', "l.jsonl line 2"),
    ],
)
def test_rows_without_a_url_are_counted_and_the_first_is_named(tmp_path, name, text, first):
    urls = UrlList(write(tmp_path, name, text))
    assert [url for batch in urls.batches() for url in batch] == URLS[:2]
    assert (urls.without_url, urls.first_without) == (2, first)


def test_rows_of_parquet_without_a_url_are_counted(tmp_path):
    urls = UrlList(parquet(tmp_path / "l.parquet", [URLS[0], None, "", URLS[1]]))
    assert [url for batch in urls.batches() for url in batch] == URLS[:2]
    assert (urls.without_url, urls.first_without) == (2, "l.parquet row 2")


def test_a_folder_is_all_its_lists_by_name(tmp_path):
    parquet(tmp_path / "b.parquet", URLS[1:2])
    write(tmp_path, "a.txt.gz", URLS[0])
    write(tmp_path, "c.jsonl", json.dumps({"url": URLS[2]}))
    write(tmp_path, "README.md", "https://no.example.org/\n")
    assert read(tmp_path) == URLS
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no list"):
        read(tmp_path / "empty")


def test_damaged_files_are_said_to_be(tmp_path):
    path = write(tmp_path, "list.txt.gz", TEXT * 50)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(DataError, match="damaged or cut off"):
        read(path)
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read(write(tmp_path, "list.parquet", "PAR1 no"))
    with pytest.raises(SourceError, match="cannot be read"):
        UrlList(tmp_path / "none.txt").digest()


def test_a_digest_is_that_of_the_content(tmp_path):
    one = UrlList(write(tmp_path, "one.txt", TEXT)).digest()
    assert UrlList(write(tmp_path, "two.txt", TEXT)).digest() == one
    assert UrlList(write(tmp_path, "one.txt", TEXT + "\n" + URLS[0])).digest() != one
    table = write(tmp_path, "one.csv", CSV)
    assert UrlList(table).digest() != UrlList(table, "caption").digest()


def test_memory_does_not_grow_with_the_list(tmp_path):
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.txt"
        with path.open("w") as out:
            out.writelines(f"https://h{n % 50}.example.org/pictures/{n:09d}.jpg\n" for n in range(count))
        tracemalloc.start()
        try:
            assert sum(1 for _ in as_queued(UrlList(path).batches())) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(2 * BATCH), peak(10 * BATCH)
    assert large < 1.2 * small


# into the queue

LABEL = st.text("abcw019-", min_size=1, max_size=6)
HOST = st.one_of(
    st.lists(LABEL, min_size=1, max_size=3).map(".".join),
    st.sampled_from(
        [
            *("upload.wikimedia.org", "thumb.wikimedia.org", "commons.wikimedia.org", "live.staticflickr.com"),
            *(
                "farm5.static.flickr.com",
                "www.example.org",
                "www.org",
                "a..b",
                "-",
                ".",
                "127.0.0.1",
                "x" * 64 + ".org",
            ),
        ]
    ),
)
SEGMENT = st.one_of(
    st.text("abcXYZ019._~-!$'()*,=:@+;&%", max_size=8),
    st.sampled_from(
        [
            *(
                "wikipedia",
                "commons",
                "a",
                "a9",
                "Example.jpg",
                "thumb",
                "120px-Example.jpg",
                "wiki",
                "..",
                ".",
                "65535",
            ),
            *("Special:FilePath", "50000000001_0a1b2c3d4e_b.jpg", "%41", "&amp;b", "été.jpg"),
        ]
    ),
)
ANY_URL = st.builds(
    "{}://{}{}/{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "ftp", "file"]),
    HOST,
    st.sampled_from(["", "", "", ":80", ":8080"]),
    st.lists(SEGMENT, max_size=6).map("/".join),
    st.sampled_from(["", "", "?w=640", "?id=7&utm_source=x", "#top"]),
)


@given(ANY_URL)
def test_the_quick_way_and_the_long_way_agree(url):
    (found,) = as_queued([[url]])
    try:
        tidy = fetch_url(url)
    except ValueError:
        tidy = ""
    if not tidy or tidy.startswith("file:"):
        assert found[1:] == (url, NO_HOST)
    else:
        assert found == (canonical_key(url), tidy, host_of(tidy))
    assert row_key(found[1]) == found[0]


@pytest.mark.parametrize(
    "url",
    [
        "https://upload.wikimedia.org/wikipedia/commons/thumb/a/a9/Example.jpg/120px-Example.jpg",
        "https://commons.wikimedia.org/wiki/Special:FilePath/Example.jpg",
        "https://live.staticflickr.com/65535/50000000001_0a1b2c3d4e_b.jpg",
    ],
)
def test_hosts_with_keys_of_their_own_are_not_hurried_past(url):
    ((key, _, _),) = as_queued([[url]])
    assert key == canonical_key(url)
    assert not key.startswith("//")


UNUSABLE = {
    "nothing at all": RejectReason.BAD_URL,
    "https://": RejectReason.BAD_URL,
    "https://exa mple.org/a.jpg": RejectReason.BAD_URL,
    "https://example.org:0/a.jpg": RejectReason.BAD_URL,
    "https://a.example.org/" + "x" * 9000: RejectReason.BAD_URL,
    "https://a.example.org/" + "x" * 9001: RejectReason.BAD_URL,
    "https://a.example.org/caf\ufffd.jpg": RejectReason.BAD_URL,
    "https://a.example.org/\udc80.jpg": RejectReason.BAD_URL,
    "ftp://a.example.org/a.jpg": RejectReason.SCHEME_REFUSED,
    "file:///etc/passwd": RejectReason.SCHEME_REFUSED,
    "FILE:///etc/../etc/passwd": RejectReason.SCHEME_REFUSED,
    "data:image/png;base64," + "A" * 5000: RejectReason.SCHEME_REFUSED,
    "javascript:alert(1)": RejectReason.SCHEME_REFUSED,
}


@pytest.fixture
def queue(tmp_path):
    queue = DownloadQueue(tmp_path / "download.sqlite")
    yield queue
    queue.close()


def test_what_is_no_url_is_refused_with_its_reason(queue):
    queue.add(as_queued([list(UNUSABLE)]))
    # file:///etc/passwd in two spellings is one address
    assert refuse_unusable(queue) == len(UNUSABLE) - 1
    rows = list(queue.rejections())
    assert queue.counts() == {REFUSED: len(rows)}
    assert sorted(row["reason"] for row in rows) == sorted(
        reason.value for text, reason in UNUSABLE.items() if not text.startswith("FILE")
    )
    queue.choose(row_key(row["url"]) for row in rows)
    assert [row for _, row in queue.chosen_rejections()] == rows
    for row in rows:
        assert row["detail"]
        assert len(row["url"]) <= 1100
        assert row["attempts"] == 0
    long = [row["url"] for row in rows if "characters" in row["url"]]
    assert len(set(long)) == 3
    assert queue.waiting_hosts() == []
    assert queue.host_counts(NO_HOST) == {"kept": 0, "refused": len(rows)}


def test_refusing_again_changes_nothing_and_a_retry_ends_in_the_same_refusals(queue):
    queue.add(as_queued([list(UNUSABLE)]))
    refuse_unusable(queue)
    queue.add(as_queued([list(UNUSABLE)]))
    assert refuse_unusable(queue) == 0
    before = queue.refused_by_reason()
    back, dead = queue.retry([RejectReason.BAD_URL], 12)
    assert (back, dead) == (8, 0)
    assert refuse_unusable(queue) == 8
    assert queue.refused_by_reason() == before
    assert queue.host_counts(NO_HOST)["refused"] == sum(count for _, count in before)


def test_every_line_is_in_the_queue_once(tmp_path, queue):
    lines = [f"https://h{n % 7}.example.org/{n}.jpg" for n in range(300)]
    lines += ["http://www.h1.example.org/1.jpg", lines[0], "no url", "no url", "https://h2.example.org/2.jpg?v=77"]
    path = write(tmp_path, "list.txt", "\n".join(lines))
    told: list[int] = []
    assert add_list(queue, UrlList(path), told.append) == len(lines) == sum(told)
    keys = {row_key(line) for line in lines}
    assert len(keys) == 301
    assert refuse_unusable(queue) == 1
    assert queue.counts() == {WAITING: 300, REFUSED: 1}
    waiting = {queued.key for host, _ in queue.waiting_hosts() for queued in queue.waiting(host, b"", 1000)}
    assert waiting == {key_digest(key) for key in keys if key != "no url"}
    assert DONE not in queue.counts()
