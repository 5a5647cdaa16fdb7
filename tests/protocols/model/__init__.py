"""Tests of meter models."""
