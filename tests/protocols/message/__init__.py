"""The MQTT contract."""
