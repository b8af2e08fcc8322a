"""What is read by hand, and described by a model all the same: an item that is wrong must not stop the others."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Described:
    """An annotation: OpenAPI says of the value what it says of this model, which is not what checks or writes it."""

    model: type[BaseModel]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Bodies are read to objects before: of the two branches only the one for Python values is ever used.
        return core_schema.json_or_python_schema(
            json_schema=handler.generate_schema(self.model),
            python_schema=handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(_as_it_is),
        )


def _as_it_is(value: Any) -> Any:
    return value
