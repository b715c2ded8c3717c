"""What can be asked next: OpenAPI links from the answer that holds an id to where it leads."""

from __future__ import annotations

from typing import Any, Final

_ORDER: Final = "$response.body#/order_id"
_DECISION: Final = "$response.body#/decision_id"

_OF_AN_ORDER: Final = {
    "ReadOrder": ("/v1/orders/{order_id}", "get", "order_id", _ORDER),
    "CancelOrder": ("/v1/orders/{order_id}", "delete", "order_id", _ORDER),
    "ReadDecision": ("/v1/decisions/{decision_id}", "get", "decision_id", _DECISION),
    "ReadReceipt": ("/v1/decisions/{decision_id}/receipt", "get", "decision_id", _DECISION),
}
_OF_A_DENIAL: Final = {name: link for name, link in _OF_AN_ORDER.items() if name != "CancelOrder"}
_FROM: Final = (
    ("/v1/orders", "post", "201", _OF_AN_ORDER),
    ("/v1/orders", "post", "403", _OF_A_DENIAL),
    ("/v1/orders/{order_id}", "get", "200", _OF_AN_ORDER),
    ("/v1/orders/{order_id}", "delete", "202", _OF_AN_ORDER),
    (
        "/v1/decisions/{decision_id}",
        "get",
        "200",
        {name: link for name, link in _OF_AN_ORDER.items() if name != "ReadDecision"},
    ),
    (
        "/v1/kill",
        "post",
        "200",
        {"Resume": ("/v1/resume", "post", "halt_id", "$response.body#/halt_id")},
    ),
)


def add_links(document: dict[str, Any]) -> None:
    """Add the links to a finished OpenAPI document."""
    paths = document["paths"]
    for path, method, status, links in _FROM:
        made = {name: _link(paths, *link) for name, link in links.items()}
        paths[path][method]["responses"][status]["links"] = made


def _link(
    paths: dict[str, Any], path: str, method: str, name: str, expression: str
) -> dict[str, Any]:
    operation = paths[path][method]
    known = {parameter["name"] for parameter in operation.get("parameters", ())}
    value = {name: expression}
    return {
        "operationId": operation["operationId"],
        **(
            {"parameters": value}
            if name in known
            else {"requestBody": {**value, "reason": "a link was followed"}}
        ),
    }
