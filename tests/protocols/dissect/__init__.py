"""Tests of the dissector: construct's reading against the fast codecs."""
