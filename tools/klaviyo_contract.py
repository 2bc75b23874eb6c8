"""Derives the sandbox Klaviyo account's contract from Klaviyo's official OpenAPI document.

    python tools/klaviyo_contract.py path/to/openapi.json

The document is published at github.com/klaviyo/openapi (MIT). Of the endpoints that the sandbox serves, the
result keeps what a server must hold a caller to: scopes, rate limits (also those that a costly parameter
brings), query parameters with the filters they allow, rows a page and the schema of the request body.
Everything that only explains is left out, references are inlined, and OpenAPI 3.0's ``nullable`` becomes
JSON Schema. It is written to
``include/netsuite_connector/sandbox/klaviyo/contract.json``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "include/netsuite_connector/sandbox/klaviyo/contract.json"

LICENCE = (
    "Derived from the Klaviyo OpenAPI document (github.com/klaviyo/openapi), which is published under the MIT"
    " licence, Copyright (c) Klaviyo. Descriptions and examples are left out, references are inlined."
)

# The operations that the sandbox serves, by the operationId of the document.
# fmt: off
OPERATIONS = (
    "get_accounts", "get_account", "get_profiles", "create_profile", "get_profile", "update_profile",
    "create_or_update_profile", "get_bulk_import_profiles_jobs", "bulk_import_profiles",
    "get_bulk_import_profiles_job", "get_errors_for_bulk_import_profiles_job",
    "get_profiles_for_bulk_import_profiles_job", "bulk_create_events", "get_events", "create_event",
    "get_event", "get_metrics", "get_metric", "get_lists", "create_list", "get_list",
    "get_catalog_items", "create_catalog_item", "get_catalog_item", "update_catalog_item",
    "delete_catalog_item", "get_catalog_variants", "create_catalog_variant", "get_catalog_variant",
    "update_catalog_variant", "delete_catalog_variant", "get_catalog_categories",
    "create_catalog_category", "get_catalog_category", "update_catalog_category",
    "delete_catalog_category", "get_items_for_catalog_category", "get_item_ids_for_catalog_category",
    "add_items_to_catalog_category", "update_items_for_catalog_category",
    "remove_items_from_catalog_category", "get_variants_for_catalog_item",
    "get_variant_ids_for_catalog_item", "get_categories_for_catalog_item",
    "get_category_ids_for_catalog_item", "add_categories_to_catalog_item",
    "update_categories_for_catalog_item", "remove_categories_from_catalog_item",
    "get_bulk_create_categories_jobs", "bulk_create_catalog_categories",
    "get_bulk_create_categories_job", "get_bulk_update_categories_jobs",
    "bulk_update_catalog_categories", "get_bulk_update_categories_job",
    "get_bulk_delete_categories_jobs", "bulk_delete_catalog_categories",
    "get_bulk_delete_categories_job", "create_back_in_stock_subscription",
    "get_bulk_create_catalog_items_jobs",
    "bulk_create_catalog_items", "get_bulk_create_catalog_items_job",
    "get_bulk_update_catalog_items_jobs", "bulk_update_catalog_items",
    "get_bulk_update_catalog_items_job", "get_bulk_delete_catalog_items_jobs",
    "bulk_delete_catalog_items", "get_bulk_delete_catalog_items_job", "get_bulk_create_variants_jobs",
    "bulk_create_catalog_variants", "get_bulk_create_variants_job", "get_bulk_update_variants_jobs",
    "bulk_update_catalog_variants", "get_bulk_update_variants_job", "get_bulk_delete_variants_jobs",
    "bulk_delete_catalog_variants", "get_bulk_delete_variants_job", "bulk_subscribe_profiles",
    "bulk_unsubscribe_profiles", "bulk_suppress_profiles", "get_bulk_suppress_profiles_job",
    "bulk_unsuppress_profiles", "get_bulk_unsuppress_profiles_job", "get_bulk_suppress_profiles_jobs",
    "get_bulk_unsuppress_profiles_jobs", "request_profile_deletion", "update_list", "delete_list",
    "get_profiles_for_list", "get_profile_ids_for_list", "add_profiles_to_list",
    "remove_profiles_from_list", "get_lists_for_profile", "get_list_ids_for_profile",
)
# fmt: on

KEPT_KEYWORDS = ("type", "enum", "required", "minimum", "maximum", "default")
WINDOWS = {"s": 1, "m": 60, "d": 86_400}

# How the document writes these things into its descriptions.
FILTERS = re.compile(r"`([\w.]+)`: ((?:`[\w-]+`(?:, )?)+)")
PAGE = re.compile(r"Returns a maximum of (\d+) \w+ per (?:page|request)")
COSTLY = re.compile(r"when using the `(\S+?)=(\S+?)` parameter .*?`(\d+/\w)`.*?`(\d+/\w)`")

# Operations that an excerpt of the document may lack, as Klaviyo's Python SDK (klaviyo-api 25.0.0, MIT) has
# them.
_TEXT = {"type": ["string", "null"]}
SUPPLEMENT: dict[str, dict[str, Any]] = {
    "create_back_in_stock_subscription": {
        "operation": "create_back_in_stock_subscription",
        "method": "POST",
        "path": "/api/back-in-stock-subscriptions",
        "scopes": ["catalogs:write", "profiles:write"],
        "limits": [[350, 1], [3500, 60]],
        "parameters": {},
        "body": {
            "type": "object",
            "required": ["data"],
            "properties": {
                "data": {
                    "type": "object",
                    "required": ["type", "attributes", "relationships"],
                    "properties": {
                        "type": {"type": "string", "enum": ["back-in-stock-subscription"]},
                        "attributes": {
                            "type": "object",
                            "required": ["channels"],
                            "properties": {
                                "channels": {
                                    "type": "array",
                                    "items": {"type": "string", "enum": ["EMAIL", "PUSH", "SMS", "WHATSAPP"]},
                                },
                                "profile": {
                                    "type": "object",
                                    "required": ["data"],
                                    "properties": {
                                        "data": {
                                            "type": "object",
                                            "required": ["type", "attributes"],
                                            "properties": {
                                                "type": {"type": "string", "enum": ["profile"]},
                                                "id": _TEXT,
                                                "attributes": {
                                                    "type": "object",
                                                    "properties": {
                                                        "email": _TEXT,
                                                        "phone_number": _TEXT,
                                                        "external_id": _TEXT,
                                                    },
                                                    "additionalProperties": False,
                                                },
                                            },
                                        }
                                    },
                                },
                            },
                            "additionalProperties": False,
                        },
                        "relationships": {
                            "type": "object",
                            "required": ["variant"],
                            "properties": {
                                "variant": {
                                    "type": "object",
                                    "required": ["data"],
                                    "properties": {
                                        "data": {
                                            "type": "object",
                                            "required": ["type", "id"],
                                            "properties": {
                                                "type": {"type": "string", "enum": ["catalog-variant"]},
                                                "id": {"type": "string"},
                                            },
                                        }
                                    },
                                }
                            },
                        },
                    },
                }
            },
        },
    }
}


class Deriver:
    """Turns parts of one OpenAPI document into plain JSON Schema.

    With ``strict``, attributes that the document doesn't name are refused, as Klaviyo does in requests.
    """

    def __init__(self, document: dict[str, Any], *, strict: bool) -> None:
        self.document = document
        self.strict = strict

    def schema(self, source: dict[str, Any], *, closed: bool = False) -> dict[str, Any]:
        """The JSON Schema of ``source``; ``closed`` refuses properties that it doesn't name."""
        if "$ref" in source:
            target: Any = self.document
            for step in source["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return self.schema({**target, "nullable": source.get("nullable", target.get("nullable", False))})
        result: dict[str, Any] = {key: source[key] for key in KEPT_KEYWORDS if key in source}
        if "properties" in source:
            # Free-form objects, such as custom properties, name no properties and stay open.
            result["properties"] = {
                name: self.schema(inner, closed=self.strict and name == "attributes")
                for name, inner in source["properties"].items()
            }
            if closed:
                result["additionalProperties"] = False
        if "items" in source:
            result["items"] = self.schema(source["items"])
        if "oneOf" in source:
            result["anyOf"] = [self.schema(choice) for choice in source["oneOf"]]
        if "allOf" in source:
            result["allOf"] = [self.schema(part) for part in source["allOf"]]
        if source.get("nullable"):
            self._allow_null(result)
        return result

    def endpoint(self, method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
        """What the sandbox holds a caller of one operation to."""
        result: dict[str, Any] = {
            "operation": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "scopes": operation["x-klaviyo-scopes"],
            "limits": [self._window(limit) for limit in operation["x-klaviyo-ratelimit"].values()],
            "parameters": {
                parameter["name"]: self._parameter(parameter)
                for parameter in operation["parameters"]
                if parameter["in"] == "query"
            },
        }
        description = operation.get("description") or ""
        if (page := PAGE.search(description)) and "page[size]" not in result["parameters"]:
            result["page"] = int(page.group(1))
        if costly := COSTLY.findall(description):
            result["costly"] = [
                {"parameter": name, "value": value, "limits": [self._window(limit) for limit in limits]}
                for name, value, *limits in costly
            ]
        if "requestBody" in operation:
            (content,) = operation["requestBody"]["content"].values()
            result["body"] = self.schema(content["schema"])
        return result

    def _parameter(self, parameter: dict[str, Any]) -> dict[str, Any]:
        """A query parameter; ``filters`` are the operators of each field that may be filtered."""
        result = self.schema(parameter["schema"])
        if parameter["name"] == "filter":
            found = FILTERS.findall(parameter.get("description") or "")
            result["filters"] = {field: re.findall(r"[\w-]+", operators) for field, operators in found}
        return result

    @staticmethod
    def _allow_null(result: dict[str, Any]) -> None:
        if "anyOf" in result:
            result["anyOf"].append({"type": "null"})
        else:
            result["type"] = [result["type"], "null"]
        if "enum" in result:
            result["enum"] = [*result["enum"], None]

    @staticmethod
    def _window(limit: str) -> list[int]:
        """``"75/s"`` as ``[75, 1]``: calls, seconds."""
        calls, unit = limit.split("/")
        return [int(calls), WINDOWS[unit]]


def derive(document: dict[str, Any]) -> dict[str, Any]:
    """The contract of the operations that the sandbox serves; a KeyError names one that neither the document
    nor the supplement has.
    """
    deriver = Deriver(document, strict=True)
    found = SUPPLEMENT | {
        operation["operationId"]: deriver.endpoint(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict) and operation.get("operationId") in OPERATIONS
    }
    return {
        "licence": LICENCE,
        "revision": document["info"]["version"],
        "endpoints": [found[operation] for operation in OPERATIONS],
    }


def main(arguments: list[str]) -> int:
    """Command line: one argument, the path of the official document."""
    if len(arguments) != 1:
        print("Give the path of Klaviyo's OpenAPI document (JSON).", file=sys.stderr)
        return 2
    contract = derive(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    lines = ",\n".join(json.dumps(endpoint, separators=(",", ":")) for endpoint in contract.pop("endpoints"))
    head = json.dumps(contract, indent=1).removesuffix("\n}")
    TARGET.write_text(f'{head},\n "endpoints": [\n{lines}\n ]\n}}\n', encoding="utf-8")
    print(f"{TARGET}: {len(OPERATIONS)} operations, {TARGET.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
