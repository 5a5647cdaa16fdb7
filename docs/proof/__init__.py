"""Which tests prove which feature of DLMS/COSEM: the rows of the page that `docs.dlms` makes."""
