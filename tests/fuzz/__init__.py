"""Any bytes, for every decoder and both roles: guided by coverage (`make fuzz`) and a short seeded run in the suite.

A target is a module in here with two names, and nothing more is needed to be found:

    SEEDS: Sequence[bytes]               inputs that get far, to start from
    def target(data: bytes) -> None      take any bytes; whatever it raises is a finding

`RemoteProtocolError` is a legal answer of a decoder: the target catches it. A stack catches it by itself.
"""
