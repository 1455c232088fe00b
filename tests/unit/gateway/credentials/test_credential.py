"""A key is known outside its process by a digest that tells nothing."""

import pytest

from gateway.credentials.credential import Credential, digest, generation

SECRET = "sk-very-secret"


def test_a_digest_is_the_same_for_the_same_secret_and_key() -> None:
    assert digest(SECRET, key="k") == digest(SECRET, key="k")


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        pytest.param(SECRET + "!", "k", id="other-secret"),
        pytest.param(SECRET, "other", id="other-key"),
    ],
)
def test_a_digest_changes_with_the_secret_and_with_the_key(secret: str, key: str) -> None:
    assert digest(secret, key=key) != digest(SECRET, key="k")


@pytest.mark.parametrize("key", ["", "k", "é" * 500], ids=["empty", "short", "longer-than-blake2"])
def test_a_digest_is_32_hex_digits_without_the_secret(key: str) -> None:
    made = digest(SECRET, key=key)
    assert len(bytes.fromhex(made)) == 16
    assert SECRET not in made


def test_a_credential_shows_no_secret() -> None:
    assert SECRET not in repr(Credential("c0", SECRET))


@pytest.mark.parametrize(
    "digests",
    [
        pytest.param(("b", "a"), id="moved"),
        pytest.param(("a",), id="removed"),
        pytest.param(("a", "b", "c"), id="added"),
    ],
)
def test_a_generation_changes_with_its_keys(digests: tuple[str, ...]) -> None:
    assert generation(digests) != generation(("a", "b"))
