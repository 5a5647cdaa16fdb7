"""Where meters listen: lines, what is stacked on each carrier, and what goes wrong on a real bus."""
