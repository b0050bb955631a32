from pathlib import Path

import pytest

from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig, HostRule
from imagenet_build.errors import ConfigError


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "build.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(path: Path | None, *sets: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(path, sets)
    assert caught.value.exit_code == 2
    return caught.value


def test_nothing_given_means_the_defaults(written):
    assert load_config() == BuildConfig()
    assert load_config(written("")) == BuildConfig()
    assert load_config(written("# nothing yet\n")) == BuildConfig()
    assert load_config(written("search:\n#  attempts: 3\n")) == BuildConfig()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("download: {min_sidepx: 3}", "unknown key download.min_sidepx; did you mean min_side_px?"),
        ("downlod: {}", "unknown key downlod; did you mean download?"),
        ("taxonomy: {colour: red}", "unknown key taxonomy.colour; known here: wordnet_dir, omw_dir,"),
        (
            "search: {engines: [{name: openverse, bas_url: x}]}",
            "unknown key search.engines.0.bas_url; did you mean base_",
        ),
        ("download: {hosts: {a.org: {concurency: 2}}}", "a.org.concurency; did you mean concurrency?"),
        ("download: {default_host: {delay: 2}}", "unknown key download.default_host.delay; did you mean min_delay_s?"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(written, text, said):
    path = written(text)
    message = str(refusal(path))
    assert said in message
    assert str(path) in message
    assert "configs/default.yaml" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("taxonomy: {roots: dog}", "taxonomy.roots: must be a list, not 'dog'."),
        ("taxonomy: {wordnet_dir: 5}", "taxonomy.wordnet_dir: must be a path, not 5."),
        ("taxonomy: {safety: perhaps}", "taxonomy.safety: must be true or false"),
        ("download: {formats: [JPG]}", "download.formats.0: must be 'JPEG', 'PNG'"),
        ("download: {min_side_px: 0}", "download.min_side_px: must be greater than or equal to 1, not 0."),
        ("download: [1]", "download: must be a section with keys, not [1]."),
        ("download: {hosts: [a.org]}", "download.hosts: must hold keys, not ['a.org']."),
        ("search: {timeout_s: soon}", "search.timeout_s: must be a valid number"),
        ("search: {timeout_s: 0}", "search.timeout_s: must be greater than 0"),
        ("search: {attempts: 2.5}", "search.attempts: must be a valid integer"),
        ("search: {engines: [openverse]}", "search.engines.0: must be a section with keys, not 'openverse'."),
        ("search: {engines: [{min_delay_s: 1}]}", "search.engines.0.name: "),
        ("search: {1: 2}", "search.1: keys must be texts"),
        ("network: {contact: 5}", "network.contact: must be a text, not 5."),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_in_words_of_yaml(written, text, said):
    assert said in str(refusal(written(text)))


def test_every_problem_is_named_at_once(written):
    message = str(refusal(written("download: {min_side_px: x, robot: false}\nserch: {}\n")))
    assert [part in message for part in ("download.min_side_px", "download.robot;", "serch;")] == [True] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- download", "must hold sections"),
        ("only a text", "must hold sections"),
        ("a: [", "is not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("network: {contact: 2001-99-99}", "is not valid YAML"),
        ("search: {attempts: 2}\nsearch: {timeout_s: 3}\n", "the key 'search' stands there twice"),
        ("download: {min_side_px: 1, min_side_px: 2}", "the key 'min_side_px' stands there twice"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(written, text, said):
    path = written(text)
    message = str(refusal(path))
    assert said in message
    assert str(path) in message


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    assert "No such file" in str(refusal(tmp_path / "absent.yaml"))
    assert str(tmp_path) in str(refusal(tmp_path))  # a folder
    (tmp_path / "latin.yaml").write_bytes("network: {contact: Jürgen}".encode("latin-1"))
    assert "latin.yaml is not valid YAML" in str(refusal(tmp_path / "latin.yaml"))


def test_paths_are_meant_from_the_file_that_names_them(written, tmp_path, monkeypatch):
    path = written(
        "taxonomy: {wordnet_dir: wn, omw_dir: /omw, exclude_wnids_files: [lists/a.txt], wnids_file: ~/w.txt}\n"
        "search: {engines: [{name: collection, index: ../birds.sqlite}]}\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", "/home/someone")
    config = load_config(Path("..") / path.name)
    assert config.taxonomy.wordnet_dir == tmp_path / "wn"
    assert config.taxonomy.omw_dir == Path("/omw")
    assert config.taxonomy.exclude_wnids_files == (tmp_path / "lists/a.txt",)
    assert config.taxonomy.wnids_file == Path("/home/someone/w.txt")
    assert config.search.engines[0].index == tmp_path / ".." / "birds.sqlite"


def test_paths_on_the_command_line_are_meant_from_the_current_directory(written, tmp_path, monkeypatch):
    path = written("taxonomy: {wordnet_dir: wn, omw_dir: omw}")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    sets = [
        "taxonomy.omw_dir=other",
        "taxonomy.wnids_file=",
        "taxonomy.exclude_wnids_files=[a.txt, /b.txt]",
        "search.engines=[{name: collection, index: c.sqlite}]",
    ]
    config = load_config(path, sets)
    assert config.taxonomy.wordnet_dir == tmp_path / "wn"
    assert config.taxonomy.omw_dir == here / "other"
    assert config.taxonomy.wnids_file is None
    assert config.taxonomy.exclude_wnids_files == (here / "a.txt", Path("/b.txt"))
    assert config.search.engines[0].index == here / "c.sqlite"
    again = load_config(path, ["search.engines.collection.index=d.sqlite"])
    assert again.search.engines[0].index == here / "d.sqlite"


def test_set_overrides_the_file_in_order(written):
    path = written("download: {min_side_px: 10, max_bytes: 5}\n")
    sets = ["download.min_side_px=20", "download.min_side_px=30", "taxonomy.roots=[dog.n.01, n02084071]"]
    config = load_config(path, sets)
    assert (config.download.min_side_px, config.download.max_bytes) == (30, 5)
    assert config.taxonomy.roots == ("dog.n.01", "n02084071")


def test_set_values_are_yaml_or_else_texts():
    assert load_config(None, ["network.contact="]).network.contact == ""
    assert (
        load_config(None, ["network.contact=https://example.org/us?a=b"]).network.contact
        == "https://example.org/us?a=b"
    )
    assert load_config(None, ["network.contact=@us: [me"]).network.contact == "@us: [me"
    assert load_config(None, ["download.robots=false"]).download.robots is False
    assert load_config(None, ["taxonomy.wordnet_dir=null"]).taxonomy.wordnet_dir is None


def test_set_reaches_engines_by_name(written):
    path = written("search: {engines: [{name: openverse, min_delay_s: 1}, {name: wikimedia}]}")
    sets = ["search.engines.wikimedia.base_url=http://127.0.0.1:1", "search.engines.collection.min_delay_s=0"]
    engines = load_config(path, sets).search.engines
    assert [engine.name for engine in engines] == ["openverse", "wikimedia", "collection"]
    assert engines[0].min_delay_s == 1
    assert engines[1].base_url == "http://127.0.0.1:1"
    assert engines[2].min_delay_s == 0
    whole = load_config(path, ["search.engines=[{name: openverse}]", "search.engines.openverse.min_delay_s=7"])
    assert [(engine.name, engine.min_delay_s) for engine in whole.search.engines] == [("openverse", 7)]


def test_set_reaches_hosts_whose_names_have_dots_and_keeps_the_others():
    sets = ["download.hosts.127.0.0.1.concurrency=8", "download.hosts.localhost.min_delay_s=0"]
    hosts = load_config(None, sets).download.hosts
    assert hosts == {
        **BuildConfig().download.hosts,
        "127.0.0.1": HostRule(concurrency=8),
        "localhost": HostRule(min_delay_s=0),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("download.min_side_px", "must read section.key=value"),
        ("=3", "must read section.key=value"),
        ("taxonomy..roots=[]", "must read section.key=value"),
        ("search.engines.openverse=3", "name a key of the engine"),
        ("search.engines.openverse.bas_url=3", "did you mean base_url?"),
        ("search.engines=openverse", "must be a list"),
        ("search.atempts=3", "unknown key search.atempts; did you mean attempts?"),
        ("search.attempts.first=3", "search.attempts"),
        ("taxonomy.roots.first=3", "taxonomy.roots: must be a list"),
        ("download=3", "download: must be a section with keys"),
    ],
)
def test_a_wrong_set_is_refused(text, said):
    message = str(refusal(None, text))
    assert said in message
    assert "command line" in message or text in message


def test_a_section_that_is_a_value_cannot_be_set_into(written):
    assert "taxonomy is a value, not a section" in str(refusal(written("taxonomy: 3"), "taxonomy.roots=[]"))
