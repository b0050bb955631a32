import re
from pathlib import Path

import pytest
import yaml

from imagenet_build.config.load import load_config
from imagenet_build.config.models import BuildConfig, EngineConfig
from tests.config.keys import rules

CONFIGS = Path(__file__).parents[2] / "configs"
DEFAULT = CONFIGS / "default.yaml"
LINE = re.compile(r"(?P<indent> *)(?P<key>[a-z_]+):(?P<value>[^#]*)(?P<comment>#.*)?")


def commented_keys() -> dict[str, str]:
    """Dotted key -> its comment, as written in default.yaml."""
    found: dict[str, str] = {}
    path: list[str] = []
    for line in DEFAULT.read_text(encoding="utf-8").splitlines():
        match = LINE.fullmatch(line)
        if match:
            path = [*path[: len(match["indent"]) // 2], match["key"]]
            found[".".join(path)] = match["comment"] or ""
    return found


def engine_example() -> list[str]:
    """The commented example of engines, as lines of YAML."""
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    start = lines.index("  # engines:")
    end = next(place for place in range(start + 1, len(lines)) if not lines[place].startswith("  #   "))
    return [line.removeprefix("  # ") for line in lines[start:end]]


def test_default_yaml_is_the_defaults():
    assert load_config(DEFAULT) == BuildConfig()


def test_default_yaml_holds_every_key_of_the_models():
    written = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))

    def same_keys(written, expected, at):
        assert list(written) == list(expected), at
        for key, value in expected.items():
            if isinstance(value, dict):
                same_keys(written[key], value, f"{at}.{key}")

    same_keys(written, BuildConfig().as_yaml_data(), "default.yaml")


def test_every_key_has_a_comment_and_sections_say_what_they_are_about():
    comments = commented_keys()
    for key, rule in rules():
        if "*" in key:
            continue
        assert len(comments[key]) > 10, key
        if "." in key:
            assert re.findall(r"\[(free|grow|fixed)\]$", comments[key]) == [rule], key


def test_the_example_of_engines_is_valid_and_has_every_key_of_an_entry(tmp_path):
    example = engine_example()
    (tmp_path / "example.yaml").write_text("search:\n" + "".join(f"  {line}\n" for line in example), encoding="utf-8")
    engines = load_config(tmp_path / "example.yaml").search.engines
    given = {key for engine in engines for key, value in engine if value is not None}
    assert given == set(EngineConfig.model_fields)
    expected = {key.rpartition(".")[2]: rule for key, rule in rules() if key.startswith("search.engines.*.")}
    for line in example[1:]:
        match = re.fullmatch(r"[ -]*([a-z_]+): .*?(?:\[(free|grow|fixed)\])?", line)
        assert match, line
        assert match[2] in (expected[match[1]], None), line


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_configuration_loads_and_names_files_that_exist(path):
    config = load_config(path)
    if path != DEFAULT:
        assert config != BuildConfig()
        assert config.search.engines
        assert config.taxonomy.roots or config.taxonomy.wnids_file
    for file in (config.taxonomy.wnids_file, config.taxonomy.allowed_person_wnids_file):
        assert file is None or file.is_file()


def test_no_shipped_configuration_speaks_for_an_operator():
    assert [path.name for path in CONFIGS.glob("*.yaml") if load_config(path).network.contact] == []
