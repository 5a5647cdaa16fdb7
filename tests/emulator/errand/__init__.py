"""What a meter does by itself besides metering: pushes, firmware, and the order of its errands."""
