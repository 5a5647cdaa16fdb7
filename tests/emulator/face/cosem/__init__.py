"""Tests of the COSEM face."""
