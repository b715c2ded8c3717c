"""The test of a new control: at the limit, beyond it, zero, missing, and of every other type."""

from __future__ import annotations

from typing import Final

from gateway.policy.template import NewControl

_HEAD: Final = """\
package writ.controls.{name}_test

import data.writ.controls.{name}
{more}import data.writ.fixtures
"""

_BOUNDED: Final = """
limits := {{"global": {{"{limit}": 100}}}}

at(value) := fixtures.with_fact("{section}", "{field}", value)

test_at_the_limit if {{
	{name}.proven with input as at(100) with data.limits as limits
}}

test_one_{beyond} if {{
	not {name}.proven with input as at({outside}) with data.limits as limits
}}

test_one_{short} if {{
	{name}.proven with input as at({inside}) with data.limits as limits
}}

test_zero_observed if {{
	{maybe}{name}.proven with input as at(0) with data.limits as limits
}}

test_limit_of_zero if {{
	every value in [0, 100, 9007199254740991] {{
		not {name}.proven with input as at(value) with data.limits as {{"global": {{"{limit}": 0}}}}
	}}
}}

test_limit_missing if {{
	not {name}.proven with input as at(100) with data.limits as {{"global": {{}}}}
}}

test_limit_of_another_type if {{
	every value in ["100", null, true, 100.5, -100, 9007199254740992, [100]] {{
		odd := {{"global": {{"{limit}": value}}}}
		not {name}.proven with input as at(100) with data.limits as odd
	}}
}}

test_the_strictest_table_counts if {{
	tighter := object.union(limits, {{"symbols": {{"ACME": {{"{limit}": {tighter}}}}}}})
	not {name}.proven with input as at(100) with data.limits as tighter
	{name}.proven with input as at({tighter}) with data.limits as tighter
	looser := object.union(limits, {{"accounts": {{"main": {{"{limit}": {looser}}}}}}})
	not {name}.proven with input as at({outside}) with data.limits as looser
}}

test_fact_missing if {{
	not {name}.proven with input as fixtures.without("{section}/{field}") with data.limits as limits
}}

test_section_missing if {{
	not {name}.proven with input as fixtures.without("{section}") with data.limits as limits
}}

test_fact_of_another_type if {{
	every value in fixtures.not_natural {{
		not {name}.proven with input as at(value) with data.limits as limits
	}}
}}

test_what_is_observed if {{
	{name}.observed == {outside} with input as at({outside}) with data.limits as limits
}}
"""

_TRUE: Final = """
at(value) := fixtures.with_fact("{section}", "{field}", value)

test_true if {{
	{name}.proven with input as at(true)
}}

test_false if {{
	not {name}.proven with input as at(false)
}}

test_fact_missing if {{
	not {name}.proven with input as fixtures.without("{section}/{field}")
}}

test_section_missing if {{
	not {name}.proven with input as fixtures.without("{section}")
}}

test_fact_of_another_type if {{
	every value in [1, 0, "true", null, [true], {{"a": true}}] {{
		not {name}.proven with input as at(value)
	}}
}}
"""

_FACT: Final = """
test_the_fact_is_well_formed_or_absent if {{
	well_formed.proven with input as at({value})
	well_formed.proven with input as fixtures.without("{section}/{field}")
	every value in [-1, 1.5, 9007199254740992, "100", null, [100], {{"a": 100}}] {{
		not well_formed.proven with input as at(value)
	}}
}}
"""

_SECTION: Final = """
test_the_section_is_well_formed_or_absent if {{
	well_formed.proven with input as fixtures.without("{section}")
	not well_formed.proven with input as fixtures.with_fact("{section}", "unknown", 100)
	not well_formed.proven with input as object.union(fixtures.document, {{"{section}": 100}})
}}
"""


def control_test(new: NewControl, *, new_fact: bool, new_section: bool) -> str:
    """The test of the rule, and of what is well formed where fact or section are new."""
    least = new.least
    words = {
        "name": new.name,
        "section": new.section,
        "field": new.field,
        "limit": new.limit,
        "more": "import data.writ.controls.well_formed\n" if new_fact else "",
        "beyond": "below" if least else "beyond",
        "short": "above" if least else "below",
        "outside": 99 if least else 101,
        "inside": 101 if least else 99,
        "maybe": "not " if least else "",
        "tighter": 110 if least else 90,
        "looser": 90 if least else 110,
        "value": 100 if new.limit else "false",
    }
    texts = [_HEAD, _BOUNDED if new.limit else _TRUE]
    texts += [_FACT] if new_fact else []
    texts += [_SECTION] if new_section else []
    return "".join(text.format(**words) for text in texts)
