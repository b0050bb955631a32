"""Stage 6: one table per synset, and the audit."""
