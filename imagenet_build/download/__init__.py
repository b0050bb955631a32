"""Stage 4: URLs to images."""
