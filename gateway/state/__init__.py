"""Other state that processes share through Redis: connections, liveness."""
