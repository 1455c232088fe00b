"""The OpenAI responses dialect.

Source: https://platform.openai.com/docs/api-reference/responses
"""
