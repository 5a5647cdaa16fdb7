"""Every wire format as a description in construct, interpreted: any frame explained field by field.

Each module has `describe(data: bytes) -> Node`. The codecs that run are written by hand; property tests hold the two
against each other. A description is never compiled: construct's compiled parsers accept truncated input.
"""
