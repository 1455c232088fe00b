"""A call's way through Redis: submitted, popped, answered in frames, cancelled, taken over."""
