"""Nothing lost: durable first, numbered when sent, kept until it has arrived."""
