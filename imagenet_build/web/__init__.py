"""The annotator: a page for the browser, and the server that it talks to."""
