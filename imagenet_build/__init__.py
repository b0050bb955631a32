"""From a subtree of WordNet to a clean, licensed, deduplicated and verified image dataset."""

__version__ = "0.1.0"
