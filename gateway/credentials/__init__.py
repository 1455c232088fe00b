"""The shared, durable knowledge of which key may be used, and until when not."""
