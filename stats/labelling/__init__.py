"""Few labels make a verdict: those of the rows on which models disagree say all of their difference; numpy alone."""
