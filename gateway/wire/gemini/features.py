"""What the Gemini dialect can say of a request that comes from another one."""

from collections.abc import Mapping

from gateway.canonical.features import Feature, Support

SUPPORT: Mapping[Feature, Support] = {
    Feature.IMAGE_INPUT: Support.YES,
    Feature.IMAGE_URL: Support.YES,
    Feature.AUDIO_INPUT: Support.YES,
    Feature.VIDEO_INPUT: Support.YES,
    Feature.DOCUMENT_INPUT: Support.YES,
    Feature.DOCUMENT_URL: Support.YES,
    Feature.FILE_ID: Support.REFUSED,
    Feature.TOOLS: Support.YES,
    Feature.CUSTOM_TOOLS: Support.REFUSED,
    Feature.PROVIDER_TOOLS: Support.REFUSED,
    Feature.PROVIDER_CONTENT: Support.REFUSED,
    Feature.TOOL_CHOICE: Support.YES,
    Feature.ALLOWED_TOOLS: Support.YES,
    Feature.SERIAL_TOOL_CALLS: Support.DROPPED,
    Feature.TOOL_RESULT_MEDIA: Support.YES,
    Feature.TOOL_RESULT_ERROR: Support.YES,
    Feature.REASONING: Support.YES,
    Feature.REASONING_INPUT: Support.YES,
    Feature.JSON_OBJECT: Support.YES,
    Feature.JSON_SCHEMA: Support.YES,
    Feature.STOP_SEQUENCES: Support.YES,
    Feature.LOGPROBS: Support.YES,
    # The canonical answer is one; a client of this dialect has them on the native path.
    Feature.SEVERAL_CHOICES: Support.REFUSED,
    Feature.TEMPERATURE: Support.YES,
    Feature.TOP_P: Support.YES,
    Feature.TOP_K: Support.YES,
    Feature.SEED: Support.YES,
    Feature.PENALTIES: Support.YES,
    Feature.MAX_OUTPUT_TOKENS: Support.YES,
    Feature.USER: Support.DROPPED,
    Feature.PROMPT_CACHE: Support.DROPPED,
}
