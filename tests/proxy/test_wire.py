"""Framing, slices, addresses and draws, whatever they are fed."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaoskit.proxy.addresses import canonical, same_place
from chaoskit.proxy.chance import Chance
from chaoskit.proxy.httpwire import Head, NotHttp, response_body
from chaoskit.proxy.pacing import slices
from chaoskit.proxy.refusals import ApiRefusal

CUTS = st.lists(st.integers(1, 20), max_size=30)
PARTS = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


def through(fields: dict[str, str], stream: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """What a body takes of a stream that comes in pieces, and what it leaves."""
    body = response_body(Head("HTTP/1.1 200 OK", list(fields.items())), "GET")
    taken, buffer, rest = b"", bytearray(), bytearray(stream)
    for size in [*cuts, len(stream)]:
        buffer += rest[:size]
        del rest[:size]
        taken += body.take(buffer)
    assert body.done
    return taken, bytes(buffer + rest)


@settings(deadline=None)
@given(st.binary(max_size=99), st.binary(max_size=20), CUTS)
def test_a_body_of_stated_length_ends_there(body: bytes, rest: bytes, cuts: list[int]) -> None:
    fields = {"Content-Length": str(len(body))}
    assert through(fields, body + rest, cuts) == (body, rest)


@settings(deadline=None)
@given(PARTS, st.binary(max_size=20), CUTS, st.booleans())
def test_a_chunked_body_ends_behind_its_trailer(
    parts: list[bytes], rest: bytes, cuts: list[int], trailer: bool
) -> None:
    body = b"".join(b"%X;x=y\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n"
    body += b"A: b\r\n\r\n" if trailer else b"\r\n"
    assert through({"Transfer-Encoding": "chunked"}, body + rest, cuts) == (body, rest)


def test_a_wrong_chunk_is_no_http() -> None:
    with pytest.raises(NotHttp):
        through({"Transfer-Encoding": "chunked"}, b"zz\r\n", [])


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(1, 500), st.integers(0, 499), st.integers())
def test_slices_cover_everything_in_order(length: int, size: int, varied: int, seed: int) -> None:
    variation = min(varied, size - 1)
    cuts = list(slices(0, length, size, variation, random.Random(seed)))
    assert [start for start, _ in cuts] == [0, *[stop for _, stop in cuts[:-1]]]
    assert cuts[-1][1] == length
    assert all(0 < stop - start <= size + variation for start, stop in cuts)


@settings(deadline=None)
@given(st.text(max_size=20), st.integers(0, 99))
def test_a_draw_depends_on_its_name_alone(name: str, number: int) -> None:
    first = Chance("7").within(name, number)
    Chance("7").within("other").draw()
    assert first.draw() == Chance("7").within(name).within(number).draw()
    assert 0 <= first.draw() < 1
    assert first.stream().random() == first.stream().random()


def test_draws_are_spread_evenly() -> None:
    draws = [Chance("1").within("p", number, "t").draw() for number in range(2000)]
    assert 0.27 < sum(draw < 0.3 for draw in draws) / len(draws) < 0.33


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", "[::]:0"),
        (":80", "[::]:80"),
        ("[::]:80", "[::]:80"),
        ("[0:0::0]:80", "[::]:80"),
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("127.0.0.1:080", "127.0.0.1:80"),
        ("localhost:80", "127.0.0.1:80"),
    ],
)
def test_one_spelling_for_each_address(written: str, expected: str) -> None:
    assert asyncio.run(canonical(written)) == expected
    assert same_place(expected, expected)


@pytest.mark.parametrize("written", ["80", "a:b", "a:-1", "a:65536", "::1:80", "nobody.invalid:1"])
def test_no_address(written: str) -> None:
    with pytest.raises(ApiRefusal, match="listen"):
        asyncio.run(canonical(written))
