"""From a selector to an ordered list of candidates. Pure: all state comes in as values."""
