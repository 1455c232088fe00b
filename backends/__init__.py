"""The upstream edge: one file per provider family over a wire codec; most providers are a row."""
