"""The Gemini generateContent dialect.

Source: https://ai.google.dev/api/generate-content
"""
