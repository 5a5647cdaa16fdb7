"""Payment on the meter: account, credits, charges and tokens, and what they do to the supply."""
