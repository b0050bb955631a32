"""The explorer: a run in the browser, to look at."""
