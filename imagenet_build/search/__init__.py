"""Stage 3: texts to hits."""
