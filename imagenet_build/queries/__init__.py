"""Stage 2: synsets to texts."""
