"""Which origins a browser is told of, and when."""

from collections.abc import Sequence

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.frontends import cors

PAGE = "https://app.example.com"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
ALLOW = "Access-Control-Allow-Origin"


def client(origins: Sequence[str]) -> FlaskClient:
    """A client of an application with one route."""
    app = Flask(__name__)
    cors.register(app, origins)

    @app.post("/call")
    def call() -> str:
        return "answer"

    return app.test_client()


@pytest.mark.parametrize("origins", [[PAGE], ["https://other.example", PAGE], ["*"]])
def test_an_allowed_origin_is_told_so_by_its_own_name(origins: Sequence[str]) -> None:
    response = client(origins).post("/call", headers={"Origin": PAGE})
    assert response.headers[ALLOW] == PAGE


@pytest.mark.parametrize("origins", [[PAGE], ["*"]])
def test_no_credentials_of_the_browsers_own_are_asked_for(origins: Sequence[str]) -> None:
    response = client(origins).post("/call", headers={"Origin": PAGE})
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "origin", ["https://app.example.com.evil.example", "https://app.example.co", "", "null"]
)
def test_another_origin_is_told_nothing(origin: str) -> None:
    response = client([PAGE]).post("/call", headers={"Origin": origin})
    assert ALLOW not in response.headers


def test_every_answer_differs_by_origin() -> None:
    assert "Origin" in client([PAGE]).post("/call").headers["Vary"]


def test_without_origins_nothing_is_added() -> None:
    response = client([]).post("/call", headers={"Origin": PAGE})
    assert {ALLOW, "Vary"}.isdisjoint(response.headers.keys())


def test_a_preflight_is_answered_before_any_route() -> None:
    response = client([PAGE]).options("/nowhere", headers=PREFLIGHT)
    assert (response.status_code, response.data) == (204, b"")


def test_a_preflight_allows_the_headers_that_it_asks_for() -> None:
    asked = {**PREFLIGHT, "Access-Control-Request-Headers": "x-goog-api-key, content-type"}
    response = client([PAGE]).options("/call", headers=asked)
    assert response.headers["Access-Control-Allow-Headers"] == "x-goog-api-key, content-type"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({**PREFLIGHT, "Origin": "https://evil.example"}, id="another-origin"),
        pytest.param({"Access-Control-Request-Method": "POST"}, id="no-origin"),
        pytest.param({"Origin": PAGE}, id="no-preflight"),
    ],
)
def test_any_other_options_request_goes_to_the_route(headers: dict[str, str]) -> None:
    response = client([PAGE]).options("/call", headers=headers)
    assert "Access-Control-Allow-Methods" not in response.headers
    assert "POST" in response.headers["Allow"]
