"""The objects of payment metering: account, credits, charges and token gateway, and the Indian mirror of a balance."""
