"""Stage 5: which images show the same picture."""
