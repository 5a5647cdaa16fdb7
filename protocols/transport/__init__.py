"""Where machines meet the operating system: the only asyncio in this package, and the only place that reads a clock."""
