"""Questions to be answered elsewhere, and answers that come back: MTurk, Label Studio, plain tables."""
