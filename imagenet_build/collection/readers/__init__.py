"""One file per format of caption file."""
