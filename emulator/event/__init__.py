"""What a meter notices: conditions, event logs, the event status word, and who is told."""
