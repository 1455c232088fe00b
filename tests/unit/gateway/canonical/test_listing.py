"""How the id of a model becomes canonical."""

import pytest

from gateway.canonical.listing import MAX_ID_CHARS, BadModelId, canonical_id


@pytest.mark.parametrize(
    ("native", "vendor", "canonical"),
    [
        pytest.param("gpt-4o", "openai", "openai/gpt-4o", id="vendor-is-put-before"),
        pytest.param("meta/llama-3", "openrouter", "meta/llama-3", id="its-own-vendor-stays"),
        pytest.param("llama3:8b", "ollama", "ollama/llama3:8b", id="colon"),
        pytest.param("é", "acme", "acme/é", id="not-ascii"),
        pytest.param("m" * MAX_ID_CHARS, "a", f"a/{'m' * MAX_ID_CHARS}", id="longest"),
    ],
)
def test_an_id_becomes_canonical(native: str, vendor: str, canonical: str) -> None:
    assert canonical_id(native, vendor=vendor) == canonical


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        pytest.param("", "its id is blank", id="empty"),
        pytest.param(" \t", "its id is blank", id="blank"),
        pytest.param("m" * (MAX_ID_CHARS + 1), "its id is longer than 256 characters", id="long"),
        pytest.param("a/b/c", "its id 'a/b/c' is not of the form vendor/model", id="three-parts"),
        pytest.param("/b", "its id '/b' is not of the form vendor/model", id="no-vendor"),
        pytest.param("a/", "its id 'a/' is not of the form vendor/model", id="no-model"),
        pytest.param("a|b", "its id has a character that no selector can name", id="bar"),
        pytest.param("a b", "its id has a character that no selector can name", id="space"),
        pytest.param("a\nb", "its id has a character that no selector can name", id="line-end"),
        pytest.param("a\x00b", "its id has a character that no selector can name", id="control"),
    ],
)
def test_an_id_that_cannot_be_used_says_why(native: str, reason: str) -> None:
    with pytest.raises(BadModelId, match=f"^{reason}$"):
        canonical_id(native, vendor="acme")
