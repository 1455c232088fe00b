"""The Anthropic Messages dialect.

Source: https://platform.claude.com/docs/en/api/messages
"""
