"""What a Messages request can say of a canonical one."""

from gateway.canonical.features import Feature, Support

_YES, _DROPPED, _REFUSED = Support.YES, Support.DROPPED, Support.REFUSED

SUPPORT = {
    Feature.IMAGE_INPUT: _YES,
    Feature.IMAGE_URL: _YES,
    Feature.AUDIO_INPUT: _REFUSED,
    Feature.VIDEO_INPUT: _REFUSED,
    Feature.DOCUMENT_INPUT: _YES,
    Feature.DOCUMENT_URL: _YES,
    # A file's id means something only to the provider that the file was given to.
    Feature.FILE_ID: _REFUSED,
    Feature.TOOLS: _YES,
    Feature.CUSTOM_TOOLS: _REFUSED,
    Feature.PROVIDER_TOOLS: _REFUSED,
    Feature.PROVIDER_CONTENT: _REFUSED,
    Feature.TOOL_CHOICE: _YES,
    Feature.ALLOWED_TOOLS: _REFUSED,
    Feature.SERIAL_TOOL_CALLS: _YES,
    Feature.TOOL_RESULT_MEDIA: _YES,
    Feature.TOOL_RESULT_ERROR: _YES,
    Feature.REASONING: _YES,
    # Only thinking with this dialect's own signature is taken back; what is left out was thought
    # before, and the answer that it led to stays.
    Feature.REASONING_INPUT: _YES,
    Feature.JSON_OBJECT: _REFUSED,
    Feature.JSON_SCHEMA: _YES,
    Feature.STOP_SEQUENCES: _YES,
    Feature.LOGPROBS: _REFUSED,
    Feature.SEVERAL_CHOICES: _REFUSED,
    Feature.TEMPERATURE: _YES,
    Feature.TOP_P: _YES,
    Feature.TOP_K: _YES,
    Feature.SEED: _DROPPED,
    Feature.PENALTIES: _DROPPED,
    Feature.MAX_OUTPUT_TOKENS: _YES,
    Feature.USER: _YES,
    Feature.PROMPT_CACHE: _YES,
}
"""Every feature, so that a new one has to be decided on here."""
