"""What is large arrives as it was sent, and takes no more memory than it must."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.caller import Caller
from tests.faults.deployment import Deployment, deployment
from tests.faults.memory import Peak, only_child
from tests.support import answers
from tests.support.fake_upstream import Answer

MB = 1024 * 1024


@pytest.fixture(scope="module")
def made(concurrency: str) -> Iterator[Deployment]:
    """A deployment with the bounds that it has by itself."""
    with deployment(concurrency) as made:
        yield made


def noise(size_bytes: int) -> str:
    """Text that nothing can shorten."""
    return base64.b64encode(random.Random(1).randbytes(size_bytes * 3 // 4)).decode()


def post(made: Deployment, body: bytes) -> Caller:
    return Caller(made.gateway.port, body).wait(limit_s=30)


def test_ten_mb_of_images_arrive_upstream_byte_for_byte(made: Deployment) -> None:
    image = f"data:image/png;base64,{noise(5 * MB)}"
    part = json.dumps({"type": "image_url", "image_url": {"url": image}})
    message = f'{{"role":"user","content":[ {part} ,\n{part}]}}'
    body = f'{{"messages":[{message}], "model":"up:images"}}'.encode()
    assert post(made, body).is_good
    [request] = made.requests("images")
    assert request.body == body.replace(b"up:images", b"images")


def test_a_long_prompt_with_many_tools_arrives_upstream_byte_for_byte(made: Deployment) -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}
    tools = [
        {"type": "function", "function": {"name": f"tool_{n}", "parameters": parameters}}
        for n in range(100)
    ]
    messages = [{"role": "user", "content": noise(200_000)}]
    body = json.dumps({"model": "up:tools", "messages": messages, "tools": tools}).encode()
    assert post(made, body).is_good
    [request] = made.requests("tools")
    assert request.body == body.replace(b"up:tools", b"tools")


@dataclass
class Peaks:
    """How much memory each process took for an answer."""

    caller: Caller
    sent: bytes
    web: Peak
    worker: Peak
    redis: Peak


@pytest.fixture(scope="module")
def large_answer(made: Deployment) -> Peaks:
    """A 50 MB answer that is not streamed."""
    sent = answers.body(noise(50 * MB))
    made.answers["large"] = Answer(headers=(answers.JSON,), body=(sent,))
    [worker] = made.gateway.workers
    assert made.gateway.web
    made.call("small").wait()
    web = Peak(only_child(made.gateway.web.pid))
    peaks = (Peak(worker.pid), Peak(made.redis_server.pid))
    caller = made.call("large").wait(limit_s=30)
    return Peaks(caller, sent, web, *peaks)


def test_a_large_answer_arrives_byte_for_byte(large_answer: Peaks) -> None:
    assert large_answer.caller.body == large_answer.sent


@pytest.mark.parametrize(("process", "most_mb"), [("web", 260), ("worker", 260), ("redis", 160)])
def test_a_large_answer_takes_bounded_memory(
    large_answer: Peaks, process: str, most_mb: float
) -> None:
    assert getattr(large_answer, process).grown_mb < most_mb


def test_a_large_answer_is_not_kept_in_redis(made: Deployment, large_answer: Peaks) -> None:
    made.wait_clean()


def test_a_large_frame_arrives_byte_for_byte(made: Deployment) -> None:
    frames = [answers.PREAMBLE, answers.text("a"), answers.text(noise(5 * MB))]
    frames += [answers.text("b"), answers.FINISH, answers.DONE]
    made.answers["frame"] = answers.events(frames)
    caller = made.call("frame", stream=True).wait(limit_s=30)
    assert caller.body == b"".join(frames)


@pytest.mark.parametrize("size_bytes", [20_000, 200_000, 2 * MB], ids=["20k", "200k", "2M"])
def test_a_quick_stream_of_large_frames_arrives_byte_for_byte(
    made: Deployment, size_bytes: int
) -> None:
    frame = answers.text(noise(size_bytes))
    frames = [frame] * (40 * MB // size_bytes) + [answers.FINISH, answers.DONE]
    made.answers["quick"] = answers.events(frames)
    caller = made.call("quick", stream=True).wait(limit_s=40)
    assert caller.body == b"".join(frames), caller
