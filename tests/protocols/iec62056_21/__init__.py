"""Tests of direct local data exchange."""
