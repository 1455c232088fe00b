"""Pure translation between the wire and the canonical model, one package per dialect."""
