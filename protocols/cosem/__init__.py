"""The vocabulary of COSEM: logical names, units, and every interface class we know as one table."""
