"""What a chat completion request can say; see `gateway.canonical.features`."""

from collections.abc import Mapping

from gateway.canonical.features import Feature, Support

SUPPORT: Mapping[Feature, Support] = {
    **dict.fromkeys(Feature, Support.YES),
    # No provider but OpenRouter takes these.
    Feature.VIDEO_INPUT: Support.REFUSED,
    Feature.DOCUMENT_URL: Support.REFUSED,
    # Only the provider that holds the file knows its id.
    Feature.FILE_ID: Support.REFUSED,
    Feature.PROVIDER_TOOLS: Support.REFUSED,
    Feature.PROVIDER_CONTENT: Support.REFUSED,
    # An answer in the canonical model is one.
    Feature.SEVERAL_CHOICES: Support.REFUSED,
    Feature.TOOL_RESULT_ERROR: Support.DROPPED,
    Feature.TOP_K: Support.DROPPED,
    # Both go to some upstreams: see `manners`.
    Feature.REASONING_INPUT: Support.DROPPED,
    Feature.PROMPT_CACHE: Support.DROPPED,
}
