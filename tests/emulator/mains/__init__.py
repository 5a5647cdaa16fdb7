"""The mains in front of a meter and the scene that supply and load make, at any instant without walking."""
