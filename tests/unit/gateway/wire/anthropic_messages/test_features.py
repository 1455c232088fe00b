"""What the dialect can say of a canonical request."""

import pytest

from gateway.canonical.features import Feature, Support
from gateway.wire.anthropic_messages.codec import CODEC


@pytest.mark.parametrize("feature", Feature)
def test_every_feature_is_decided_on(feature: Feature) -> None:
    assert isinstance(CODEC.support[feature], Support)
