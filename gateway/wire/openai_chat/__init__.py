"""The OpenAI chat completions dialect.

Source: https://platform.openai.com/docs/api-reference/chat
"""
