"""The schema of a template's variables follows from what it does with them."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter_messaging.template.renderer.analysis import schema_of
from onerouter_messaging.template.renderer.language import Unusable, parse, render


def of(*sources: str, **defaults: Any) -> dict[str, Any]:
    return schema_of({f"part {n}": parse("body", source) for n, source in enumerate(sources)}, defaults)


@pytest.mark.parametrize(
    ("source", "required"),
    [
        ("{{ a }} {{ b | upcase }}", ["a", "b"]),
        ("{% if a %}{{ a }}{% endif %}", []),
        ("{% unless a %}none{% endunless %}", []),
        ("{% if a == 1 %}x{% endif %}", []),
        ("{% if a > 1 or a contains b %}x{% endif %}", []),
        ("{% if a[b] %}x{% endif %}", ["b"]),
        ("{% if a.b.c %}x{% endif %}", []),
        ("{% if a %}Hi {% endif %}{{ a }}", ["a"]),
        ("{{ a }}{% if a %}{{ a }}{% endif %}", ["a"]),
        ("{% if a %}{% else %}{{ a }}{% endif %}", ["a"]),
        ("{% unless a %}{% else %}{{ a }}{% endunless %}", []),
        ("{% unless a %}{{ a }}{% endunless %}", ["a"]),
        ("{% if a and b %}{{ a }}{{ b }}{% endif %}", []),
        ("{% if a or b %}{{ a }}{% endif %}", ["a"]),
        ("{% if a == nil or b == nil %}{% else %}{{ a }}{{ b }}{% endif %}", []),
        ("{% if a == blank %}{% else %}{{ a }}{% endif %}", ["a"]),
        ("{% if a == 'x' %}{{ a }}{% elsif b %}{{ b }}{{ a }}{% endif %}", ["a"]),
        ("{% if a != nil %}{% for b in c %}{{ a }}{% endfor %}{% endif %}", ["c"]),
        ("{% if a == 'x' %}{{ b }}{% endif %}", ["b"]),
        ("{% if a.b %}{{ a.b }}{{ a.c }}{% endif %}", []),
        ("{% if a.size > 1 %}{{ a[0] }}{% endif %}", []),
        ("{% if a == b %}{{ a }}{% endif %}", ["a"]),
        ("{% if (1..a) contains 3 %}x{% endif %}", ["a"]),
        ("{{ a | default: 'x' }}", []),
        ("{{ a | default: b | upcase }}", ["b"]),
        ("{{ a | upcase | default: 'x' }}", ["a"]),
        ("{{ a.b | default: 'x' }}", []),
        ("{{ a | append: b }}", ["a", "b"]),
        ("{% assign a = 1 %}{{ a }}", []),
        ("{% if c %}{% assign a = 1 %}{% endif %}{{ a }}", []),
        ("{% capture a %}{{ b }}{% endcapture %}{{ a }}", ["b"]),
        ("{% case a %}{% when 1 %}{{ b }}{{ a }}{% endcase %}", ["b"]),
        ("{% case a %}{% when nil, b %}{{ a }}{% else %}{{ a }}{% endcase %}", ["a"]),
        ("{% for a in b limit: c %}{{ a }}{{ forloop.index }}{% endfor %}", ["b", "c"]),
        ("{% for a in b %}{% endfor %}{{ a }}", ["a", "b"]),
        ("{{ now | date: '%Y' }}", []),
        ("{{ a[b] }}", ["a", "b"]),
    ],
)
def test_what_must_be_given(source: str, required: list[str]) -> None:
    assert of(source)["required"] == required


def test_what_it_looks_like() -> None:
    found = of("{{ user.name }}{% for item in items %}{{ item.price.amount }}{% endfor %}{{ list[0] }}{{ names.size }}")
    assert found["properties"] == {
        "user": {"type": "object", "properties": {"name": {}}, "required": ["name"]},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"price": {"type": "object", "properties": {"amount": {}}, "required": ["amount"]}},
                "required": ["price"],
            },
        },
        "list": {"type": "array", "items": {}},
        "names": {},
    }


def test_parts_share_their_variables_and_defaults_need_not_be_given() -> None:
    found = of("{{ a }}", "{{ a }}{{ b }}", b="x", c=1)
    assert (found["required"], found["properties"]) == (["a"], {"a": {}, "b": {"default": "x"}, "c": {"default": 1}})


def test_one_that_need_not_be_there_may_still_need_what_is_in_it() -> None:
    found = of("{% if user %}{{ user.name }}{% if user.vip %}{{ user.vip.since }}{% endif %}{% endif %}")
    assert found["required"] == []
    user = found["properties"]["user"]
    assert (user["required"], user["properties"]["vip"]["required"]) == (["name"], ["since"])


class TestDepth:
    def test_values_are_within_values_so_far_and_no_farther(self) -> None:
        found = of("{{ a" + ".b" * 31 + " }}")
        assert orjson.dumps(found).count(b'"required"') == 32
        loops = "{% for a in a.b %}" * 20 + "{% endfor %}" * 20
        for source in ("{{ a" + ".b" * 32 + " }}", "{% if a" + "[0]" * 40 + " %}{% endif %}", loops):
            with pytest.raises(Unusable) as refused:
                of("fine", source)
            assert refused.value.part == "part 1"


NAMES = st.sampled_from(["a", "b", "a.x", "b.y", "c.z"])
CONDITIONS = st.recursive(
    st.one_of(
        NAMES,
        st.builds("{} {} {}".format, NAMES, st.sampled_from(["==", "!=", ">", "contains"]), st.one_of(
            NAMES, st.sampled_from(["nil", "1", "'t'", "blank", "false"]),
        )),
    ),
    lambda inner: st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
    max_leaves=3,
)  # fmt: skip
TEXTS = st.recursive(
    st.one_of(st.builds("{{{{ {} }}}}".format, NAMES), st.builds("{{{{ {} | default: 'd' }}}}".format, NAMES)),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% elsif {} %}}{}{{% else %}}{}{{% endif %}}".format,
                  CONDITIONS, inner, CONDITIONS, inner, inner),
        st.builds("{{% unless {} %}}{}{{% else %}}{}{{% endunless %}}".format, CONDITIONS, inner, inner),
        st.builds("{{% case {} %}}{{% when 't' %}}{}{{% when nil, {} %}}{}{{% else %}}{}{{% endcase %}}".format,
                  NAMES, inner, NAMES, inner, inner),
    ),
    max_leaves=6,
)  # fmt: skip


def given_of(schema: dict[str, Any], chosen: frozenset[str], value: Any, path: str = "") -> Any:
    """What the schema requires, and of the rest what was chosen."""
    members = schema.get("properties")
    if members is None:
        return value
    at = {name: f"{path}.{name}" for name in members}
    return {
        name: given_of(member, chosen, value, at[name])
        for name, member in members.items()
        if name in schema["required"] or at[name] in chosen
    }


class TestRequired:
    @settings(max_examples=300, deadline=None)
    @given(TEXTS, st.sets(st.sampled_from([".a", ".b", ".c", ".a.x", ".b.y", ".c.z"])), st.sampled_from(["t", 1, None]))
    def test_with_what_is_required_nothing_is_missing(self, source: str, chosen: set[str], value: Any) -> None:
        variables = given_of(of(source), frozenset(chosen), value)
        try:
            render("body", source, variables, datetime(2026, 3, 1, tzinfo=UTC))
        except Unusable as error:
            assert error.missing is None, (error.missing, variables)
