"""Frames and figures from public sources, each with where it was found."""
