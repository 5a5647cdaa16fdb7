"""Hypothesis strategies for HDLC."""

from hypothesis import strategies as st

from protocols.hdlc.address import Address
from protocols.hdlc.frame import Frame

ADDRESSES = st.one_of(
    st.builds(Address, upper=st.integers(0, 0x7F)),
    st.builds(Address, upper=st.integers(0, 0x7F), lower=st.integers(0, 0x7F), size=st.just(2)),
    st.builds(Address, upper=st.integers(0, 0x3FFF), lower=st.integers(0, 0x3FFF), size=st.just(4)),
)

FRAMES = st.builds(
    Frame,
    destination=ADDRESSES.map(bytes),
    source=ADDRESSES.map(bytes),
    control=st.integers(0, 255),
    information=st.one_of(st.binary(max_size=40), st.binary(min_size=250, max_size=2030)),
    segmented=st.booleans(),
)
