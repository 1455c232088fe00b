"""The product: everything that is not a provider, a worker entry point or configuration."""

__version__ = "0.1.0"
