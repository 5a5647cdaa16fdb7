"""Time: what is true, what a meter's clock says, zones, and what comes round when."""
