"""What a meter counts: registers, demand, tariff zones, and the profiles and bills derived from them."""
