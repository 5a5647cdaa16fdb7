"""What is said to a meter, one module a protocol, as scripts that both the gateway and the simulation drive."""
