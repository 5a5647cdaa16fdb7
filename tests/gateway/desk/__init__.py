"""Tools for one meter, without a gateway."""
