"""What was built, in numbers: statistics of a run, or of any table of (wnid, images)."""
