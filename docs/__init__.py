"""Pages for people; those that follow from the program's tables are written by `python -m docs`."""
