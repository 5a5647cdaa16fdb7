"""Sessions with a broker: aiomqtt to connect and read, its inner paho client to pipeline and to acknowledge."""
