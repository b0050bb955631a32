from tests.mini_wordnet.fixtures import mini, mini_config, mini_folder, real, real_config, real_corpora  # noqa: F401
