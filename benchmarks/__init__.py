"""What things cost, as ratios against a floor in the same run: absolute times say nothing on another machine."""
