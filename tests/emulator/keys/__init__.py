"""The keys, counters and certificates of one meter towards its clients."""
