"""What the responses dialect can say of a canonical request."""

from gateway.canonical.features import Feature, Support

SUPPORT = {
    Feature.IMAGE_INPUT: Support.YES,
    Feature.IMAGE_URL: Support.YES,
    Feature.AUDIO_INPUT: Support.REFUSED,
    Feature.VIDEO_INPUT: Support.REFUSED,
    Feature.DOCUMENT_INPUT: Support.YES,
    Feature.DOCUMENT_URL: Support.YES,
    # Only the provider that holds a file knows its id.
    Feature.FILE_ID: Support.REFUSED,
    Feature.TOOLS: Support.YES,
    Feature.CUSTOM_TOOLS: Support.YES,
    Feature.PROVIDER_TOOLS: Support.REFUSED,
    Feature.PROVIDER_CONTENT: Support.REFUSED,
    Feature.TOOL_CHOICE: Support.YES,
    Feature.ALLOWED_TOOLS: Support.YES,
    Feature.SERIAL_TOOL_CALLS: Support.YES,
    Feature.TOOL_RESULT_MEDIA: Support.YES,
    Feature.TOOL_RESULT_ERROR: Support.DROPPED,
    Feature.REASONING: Support.YES,
    Feature.REASONING_INPUT: Support.YES,
    Feature.JSON_OBJECT: Support.YES,
    Feature.JSON_SCHEMA: Support.YES,
    Feature.STOP_SEQUENCES: Support.REFUSED,
    Feature.LOGPROBS: Support.YES,
    Feature.SEVERAL_CHOICES: Support.REFUSED,
    Feature.TEMPERATURE: Support.YES,
    Feature.TOP_P: Support.YES,
    Feature.TOP_K: Support.DROPPED,
    Feature.SEED: Support.DROPPED,
    Feature.PENALTIES: Support.DROPPED,
    Feature.MAX_OUTPUT_TOKENS: Support.YES,
    Feature.USER: Support.YES,
    Feature.PROMPT_CACHE: Support.DROPPED,
}
