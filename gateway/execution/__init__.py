"""The one loop that walks candidates and credentials, and what it needs from outside."""
