from tests.mini_wordnet.fixtures import (  # noqa: F401
    mini,
    mini_config,
    mini_folder,
    mini_omw,
    real,
    real_config,
    real_corpora,
    real_omw,
)
