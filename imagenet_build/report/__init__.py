"""One page that shows what was built: figures, contact sheets, what went wrong, provenance."""
