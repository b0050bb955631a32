"""Stage 1: which synsets."""
