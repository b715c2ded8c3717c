"""A secret has one way out. Every other way that a value travels by accident is tried here."""

import ast
import copy
import dataclasses
import json
import logging
import pickle
import pprint
import string
import traceback
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pydantic
import pytest
import structlog
from fastapi.encoders import jsonable_encoder
from rich.console import Console
from rich.pretty import pretty_repr

from vault.errors import ProviderError
from vault.references import SecretRef
from vault.secret import SECRET_BYTES_MAX, Moment, Provenance, Secret

VALUE = "canary-4f1d8c0e-geheim"
REFERENCE = SecretRef.parse("vault://kv/alpaca#key")
PROVENANCE = Provenance(REFERENCE, Moment(1, 2), "3")
ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.requirement("S3-15")


@pytest.fixture
def secret() -> Secret:
    return Secret(VALUE, PROVENANCE)


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    secret: Secret


@dataclasses.dataclass
class Holder:
    secret: Secret


class Template(string.Template):
    """`$name` in a text."""


REFUSED: dict[str, Callable[[Any], Any]] = {
    "str": str,
    "f-string": lambda s: f"{s}",
    "f-string of width": lambda s: f"{s:>40}",
    "f-string by str": lambda s: f"{s!s}",
    "percent": lambda s: "%s" % s,  # noqa: UP031  # the old way is the case
    "str.format": "{}".format,
    "format": lambda s: format(s, ""),
    "template": lambda s: Template("$s").substitute(s=s),
    "join": lambda s: ",".join(2 * [s]),
    "concatenate": lambda s: "Bearer " + s,
    "print": lambda s: print(s, file=StringIO()),
    "bytes": bytes,
    "encode": lambda s: s.encode(),
    "iterate": list,
    "unpack": lambda s: (*s,),
    "index": lambda s: s[0],
    "length": len,
    "contains": lambda s: "canary" in s,
    "compare": lambda s: sorted([s, s]),
    "hash": hash,
    "set": lambda s: {s},
    "int": int,
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "as a dict": lambda s: dataclasses.asdict(Holder(s)),
    "pickle": pickle.dumps,
    "pickle 0": lambda s: pickle.dumps(s, 0),
    "pickle in a holder": lambda s: pickle.dumps(Holder(s)),
    "json": json.dumps,
    "json with str": lambda s: json.dumps(s, default=str),
    "json by vars": lambda s: json.dumps(s, default=vars),
    "pydantic json": lambda s: Model(secret=s).model_dump_json(),
    "pydantic python json": lambda s: Model(secret=s).model_dump(mode="json"),
    "pydantic any": lambda s: pydantic.TypeAdapter(Any).dump_json(s),
    "pydantic as str": lambda s: pydantic.TypeAdapter(str).validate_python(s),
    "fastapi": jsonable_encoder,
    "attribute": lambda s: setattr(s, "label", "x"),
    "vars": vars,
    "subclass": lambda s: type("Open", (type(s),), {})(VALUE, PROVENANCE),
}


@pytest.mark.attack
@pytest.mark.parametrize("way", REFUSED)
def test_a_way_out_is_shut(secret: Secret, way: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # each way has an error of its own
        REFUSED[way](secret)
    told = "".join(traceback.format_exception(caught.value, chain=True))
    assert VALUE not in told.replace(f'VALUE = "{VALUE}"', "")


SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "f-string by repr": lambda s: f"{s!r} {[s]} { ({'s': s}) }",
    "percent by repr": lambda s: "%r" % s,  # noqa: UP031  # the old way is the case
    "pprint": lambda s: pprint.pformat({"s": s}),
    "in a dataclass": lambda s: repr(Holder(s)),
    "in a model": lambda s: repr(Model(secret=s)) + str(Model(secret=s)),
    "rich": lambda s: pretty_repr({"s": s}) + pretty_repr(Holder(s)),
    "json with repr": lambda s: json.dumps(s, default=repr),
    "in an error": lambda s: repr(ValueError(s)) + str(ValueError("x", s)),
    "dir": lambda s: " ".join(dir(s)),
}


@pytest.mark.attack
@pytest.mark.parametrize("way", SHOWN)
def test_what_is_shown_is_where_it_is(secret: Secret, way: str) -> None:
    shown = SHOWN[way](secret)
    assert VALUE not in shown
    assert "vault://kv/alpaca#key" in shown or way == "dir"


@pytest.mark.attack
def test_a_validation_error_does_not_repeat_it(secret: Secret) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(dict[str, int]).validate_python({"key": secret})
    assert VALUE not in str(caught.value) + repr(caught.value.errors())


@pytest.mark.attack
@pytest.mark.parametrize(
    "arguments", [("key %s",), ("key %r",), ("key %s %s", "x"), ("%(key)s",)], ids=str
)
def test_a_log_line_does_not_carry_it(
    secret: Secret, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that cannot be written is dropped; what is said about that holds no value either."""
    told, errors = StringIO(), StringIO()
    monkeypatch.setattr("sys.stderr", errors)
    log = logging.Logger("alone")  # noqa: LOG001  # pytest's own handlers raise what they meet
    log.addHandler(logging.StreamHandler(told))
    given = {"key": secret} if "(key)" in arguments[0] else secret
    log.warning(*arguments, given)
    assert VALUE not in told.getvalue() + errors.getvalue()
    assert told.getvalue() or errors.getvalue()


@pytest.mark.attack
def test_a_structured_log_line_does_not_carry_it(secret: Secret) -> None:
    for render in (
        structlog.processors.JSONRenderer(),
        structlog.processors.KeyValueRenderer(),
        structlog.dev.ConsoleRenderer(colors=False),
    ):
        line = render(None, "info", {"event": "start", "key": secret})
        assert VALUE not in str(line)
        assert "vault://kv/alpaca#key" in str(line)


@pytest.mark.attack
def test_a_traceback_with_locals_does_not_show_it(secret: Secret) -> None:
    out = StringIO()
    console = Console(file=out, width=200)
    try:
        held = {"key": secret}
        assert held["other"]
    except KeyError:
        console.print_exception(show_locals=True)
    assert "held" in out.getvalue()
    assert VALUE not in out.getvalue()


def test_the_one_way_out(secret: Secret) -> None:
    assert secret.reveal() == VALUE
    assert secret.provenance is PROVENANCE


def test_equality_says_nothing_else() -> None:
    one, same = Secret(VALUE, PROVENANCE), Secret(VALUE, Provenance(REFERENCE, Moment(9, 9)))
    assert one == same
    assert one != Secret(VALUE + "x", PROVENANCE)
    assert one != Secret("\u00e4", PROVENANCE)
    assert one != VALUE
    assert one != None  # noqa: E711  # the operator is the case


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "empty"),
        ("a\0b", "NUL"),
        ("\udcff", "UTF-8"),
        ("x" * (SECRET_BYTES_MAX + 1), "longer"),
        ("\u00e4" * (SECRET_BYTES_MAX // 2 + 1), "longer"),
    ],
)
def test_what_is_no_secret(value: str, said: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Secret(value, PROVENANCE)
    assert caught.value.code == "secret-malformed"
    assert caught.value.remedy
    assert said in caught.value.detail
    assert len(caught.value.detail) < 100
    assert Secret("x" * SECRET_BYTES_MAX, PROVENANCE)


REVEALING = {
    "gateway/bootstrap/alerting.py": 1,
    "gateway/brokers/alpaca/client.py": 2,
    "gateway/brokers/alpaca/stream.py": 2,
    "gateway/ledger/choice.py": 1,
    "gateway/ledger/postgresql/session.py": 1,
    "gateway/policy/opa_server/client.py": 1,
    "gateway/policy/opa_server/endpoint.py": 1,
    "gateway/policy/opa_server/setup.py": 1,
    "vault/secret_keys.py": 1,
}
"""How often each module takes the value out; whoever adds one has thought about it."""


def revealing() -> dict[str, int]:
    found: dict[str, int] = {}
    for folder in ("gateway", "signing", "vault", "policies", "bench", "scripts"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
            count = sum(name.attr == "reveal" for name in names)
            if count:
                found[str(path.relative_to(ROOT))] = count
    return found


def test_few_places_reveal_a_secret() -> None:
    assert revealing() == REVEALING
