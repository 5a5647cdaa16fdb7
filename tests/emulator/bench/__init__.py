"""A bench: its file, the meters made from it, its time, its journal."""
