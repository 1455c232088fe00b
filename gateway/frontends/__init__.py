"""The dialects that we serve, as Flask blueprints: authenticate, parse, resolve, submit, render."""
