"""Canonical JSON before the RFC author's own writer."""

import random
from collections.abc import Callable
from subprocess import CompletedProcess

from signing.canonical import INT_MAX, decode, encode

DOCUMENTS = 5_000
CHARACTERS = 'aZ09 _"\\/\b\f\n\r\t\x00\x1f\x7f\x80\u00e9\u2028\ud7ff\ue000\ufb33\uffff\U0001f600'


def value(source: random.Random, depth: int) -> object:
    kind = source.randrange(7 if depth else 5)
    if kind == 0:
        return source.choice([None, True, False])
    if kind in {1, 2}:
        return source.choice([0, -1, 10**15, INT_MAX, -INT_MAX, source.randint(-INT_MAX, INT_MAX)])
    if kind in {3, 4}:
        return text(source)
    if kind == 5:
        return [value(source, depth - 1) for _ in range(source.randrange(5))]
    return {text(source): value(source, depth - 1) for _ in range(source.randrange(5))}


def text(source: random.Random) -> str:
    return "".join(source.choices(CHARACTERS, k=source.randrange(6)))


def test_equal_bytes_on_many_random_documents(
    foreign: Callable[..., CompletedProcess[str]],
) -> None:
    source = random.Random(8785)
    # Its root is an object or a list.
    written = [encode([value(source, 4)]) for _ in range(DOCUMENTS)]
    done = foreign("jcscheck", lines=written)
    found = done.stdout.split("\n")[:-1]
    assert [line.encode() for line in found] == written
    assert all(encode(decode(data)) == data for data in written)


def test_it_writes_loose_documents_as_we_do(foreign: Callable[..., CompletedProcess[str]]) -> None:
    loose = {
        b' { "b" : 1 , "a" : "\\u0041\\/" } ': {"b": 1, "a": "A/"},
        b'{"\\ud83d\\ude00":1,"\xef\xac\xb3":2}': {"\U0001f600": 1, "\ufb33": 2},
        b"[1e3, 9007199254740991]": [1_000, INT_MAX],
    }
    done = foreign("jcscheck", lines=list(loose))
    found = done.stdout.splitlines()
    assert [line.encode() for line in found] == [encode(data) for data in loose.values()]
