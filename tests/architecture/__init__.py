"""The house itself: directions of import, idea of each module, what must never be named."""
