"""What every request of schemathesis has beside what is tried out."""

import itertools
import os

import requests
import schemathesis

_addresses = itertools.count(1)
_send = requests.Session.send


def _from_somewhere(session, request, **how):
    """Each request comes from an address of its own: what one address may try is another test's."""
    number = next(_addresses)
    address = ".".join(str(number >> shift & 255) for shift in (16, 8, 0))
    request.headers["cf-connecting-ip"] = f"10.{address}"
    # The machine stays, for what needs one: who drains or revokes it does so to another.
    if request.url.endswith(("/drain", "/revoke")):
        request.url = request.url.replace(os.environ["KEPT_RUNNER"], os.environ["SPARE_RUNNER"])
    return _send(session, request, **how)


requests.Session.send = _from_somewhere


@schemathesis.hook
def map_body(ctx, body):
    """`1.0` is an integer to JSON Schema; to us, as to most who read JSON, it is not."""
    return _whole(body)


def _whole(value):
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value
