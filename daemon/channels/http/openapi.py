"""The OpenAPI 3.1 document of the native API, made from its routes and its records.

Nothing of it is written twice: paths, methods and answers are the routes', the schemas are
msgspec's of the records that really are decoded and encoded. A test compares it with what the
server serves.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pulsarack.daemon.channels.http import signing, wire
from pulsarack.daemon.channels.http.refusals import Error
from pulsarack.daemon.channels.http.routes import Operation, Route

_REFS = "#/components/schemas/{name}"
_VARIABLE = re.compile(r"{(\w+)}")
# What any signed request can be refused with.
_ALWAYS = (400, 413, 429, 500, 503)
_SIGNED = (401, 403)
_WITH_BODY = (415,)
_DIALECT_OF_PATTERNS = (r"\Z", "$")  # JSON Schema's patterns are ECMA's, which has no \Z
_SECURITY = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": signing.SIGNATURE,
        "description": "HMAC-SHA256 of the request, with Pulsarack-Key, -Timestamp and -Nonce;"
        " see docs/http-api.md.",
    }
}


def encoded(routes: Iterable[Route]) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document(routes))


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document of the routes that have an operation."""
    described = [(one, one.operation) for one in routes if one.operation is not None]
    schemas = _schemas([operation for _, operation in described])
    paths: dict[str, dict[str, Any]] = {}
    for route, operation in described:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pulsarack",
            "version": "1",
            "description": "Orders, deposits and reports for programs of agents.",
        },
        "security": [{"signature": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY},
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    kinds: list[type] = [Error]
    for one in operations:
        kinds += [kind for kind in (*one.answers.values(), one.asks) if kind is not None]
    _, found = msgspec.json.schema_components(dict.fromkeys(kinds), ref_template=_REFS)
    return {name: _portable(schema) for name, schema in sorted(found.items())}


def _operation(route: Route, operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    parameters = [_in_path(name) for name in _VARIABLE.findall(route.path)]
    if operation.query is not None:
        parameters += _in_query(operation.query)
    if parameters:
        found["parameters"] = parameters
    refusals = {*_ALWAYS, *operation.refusals}
    if operation.asks is not None:
        refusals |= {*_WITH_BODY}
        found["requestBody"] = {"required": True, "content": _content(operation.asks)}
    if operation.signed:
        refusals |= {*_SIGNED}
    else:
        found["security"] = []
    answers = {
        str(status): {"description": "done", "content": _content(kind)} | _links(operation)
        for status, kind in operation.answers.items()
    }
    refused = {"description": "refused", "content": _content(Error)}
    found["responses"] = answers | {str(status): refused for status in sorted(refusals)}
    return found


def _links(operation: Operation) -> dict[str, Any]:
    if not operation.about:
        return {}
    parameters = {"reference": "$response.body#/client_reference"}
    one = {name: {"operationId": name, "parameters": parameters} for name in operation.about}
    return {"links": one}


def _content(kind: type | None) -> dict[str, Any]:
    schema = {"type": "object"} if kind is None else {"$ref": _REFS.format(name=kind.__name__)}
    return {"application/json": {"schema": schema}}


def _in_path(name: str) -> dict[str, Any]:
    # The only variable there is; its schema is the record's, so that both say the same.
    schema = _portable(msgspec.json.schema(wire.Reference))
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
    _, found = msgspec.json.schema_components([kind], ref_template=_REFS)
    schema = _portable(found[kind.__name__])
    needed = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": one}
        for name, one in schema["properties"].items()
    ]


def _portable(schema: Any) -> Any:
    """The same schema with patterns as others read them."""
    if isinstance(schema, dict):
        return {
            key: value.replace(*_DIALECT_OF_PATTERNS)
            if key == "pattern" and isinstance(value, str)
            else _portable(value)
            for key, value in schema.items()
        }
    return [_portable(one) for one in schema] if isinstance(schema, list) else schema
