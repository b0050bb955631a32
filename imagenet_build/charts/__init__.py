"""Pure: charts and trees as SVG text, without a library. Same input, same bytes."""
