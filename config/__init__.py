"""Configuration: the typed schema, the YAML loader and the key families of the environment.

Owns every setting's name, type, bound and default, and the words in which a wrong one is reported.
Imports nothing else of ours and opens no connection.
"""
