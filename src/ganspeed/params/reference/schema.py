"""The JSON schema of params.yaml: types, ranges, defaults and effects, as the blocks and constructors have them."""

import copy
from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import Field, create_model
from pydantic.json_schema import GenerateJsonSchema

from ganspeed.params.blocks import Params
from ganspeed.params.objectives import objective_names
from ganspeed.params.variants import Variant, variant_model

DEFINITIONS = "#/$defs/"
TITLE = "params.yaml of ganspeed"


@cache
def params_schema() -> dict[str, Any]:
    """The schema. It accepts what `ganspeed check` accepts; checks across keys are not in it."""
    members = tuple(_tagged_variant(name) for name in objective_names())
    variants = dict[str, Annotated[Union[(*members,)], Field(discriminator="objective")]]
    effect = Field(description=Params.model_fields["variants"].description)
    schema = create_model("Params", __base__=Params, variants=(variants, effect)).model_json_schema()
    definitions = schema["$defs"]
    for name in objective_names():
        networks = definitions[f"Variant_{name}"]["properties"]["networks"]
        networks["anyOf"] = [{"$ref": _override(definitions, DEFINITIONS + "Networks")}, {"type": "null"}]
    return {"$schema": GenerateJsonSchema.schema_dialect, **_untitled(schema), "title": TITLE}


def _tagged_variant(name: str) -> type[Variant]:
    """The model of a variant's block whose `objective` can be no other."""
    effect = Field(description=Variant.model_fields["objective"].description)
    return create_model(f"Variant_{name}", __base__=variant_model(name), objective=(Literal[name], effect))


def _override(definitions: dict, reference: str) -> str:
    """Add the definition of a block any keys of which may be named, and none has a default; returns its reference."""
    name = reference.removeprefix(DEFINITIONS)
    block = copy.deepcopy(definitions[name])
    del block["required"]
    for value in block["properties"].values():
        value.pop("default", None)
        if "$ref" in value:
            value["$ref"] = _override(definitions, value["$ref"])
    definitions[f"Override_{name}"] = block
    return f"{DEFINITIONS}Override_{name}"


def _untitled(node: Any) -> Any:
    """Without the titles that pydantic makes of names; a key called title stays."""
    if isinstance(node, list):
        return [_untitled(value) for value in node]
    if not isinstance(node, dict):
        return node
    return {key: _untitled(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
