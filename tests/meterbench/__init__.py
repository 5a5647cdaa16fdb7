"""The console scripts and the demo."""
