"""Where the two programs meet: their console scripts and the demo."""
