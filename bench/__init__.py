"""The benchmark: a fake upstream and a load client in C, and the run that compares systems.

Owns how Queueway is measured. It knows the gateway only from outside: its command, its port, /proc.
"""
