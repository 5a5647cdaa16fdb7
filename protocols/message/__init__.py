"""The MQTT contract, version 1: topics, one class a payload, and the schemas made from them."""
