"""Stage 7: votes -> verdicts, with as few votes as the wanted precision allows."""
