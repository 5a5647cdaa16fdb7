"""Programs and cores together, in simulated time or as processes."""
