# METADATA
# title: Value of the day
# description: |
#   In PAPER and in LIVE the value of the whole gateway's allowed orders of the UTC day,
#   with this order among them, must be within the manifest's ceiling. A ceiling of
#   zero lets nothing out. An order that only reduces also passes where a named person has opened
#   an exit-only state for it.
# related_resources:
#   - description: Trust root and manifests
#     ref: docs/signing.md
#   - description: Commission Delegated Regulation (EU) 2017/589 (RTS 6)
#     ref: https://eur-lex.europa.eu/eli/reg_del/2017/589/oj
# custom:
#   id: MAN-05
#   severity: high
#   owner: compliance
#   regulation:
#     - RTS 6 article 15(1)(b)
#     - house rule
#   fix103: 99
#   unit: micros
#   facts:
#     - control.mode
#     - permission.day_notional_micros
#     - permission.notional_per_day_max_micros
#   limits: []
#   remedy: |
#     Wait for the next day, which begins at midnight UTC, or have the officers sign a manifest
#     with a higher ceiling.
# schemas:
#   - input: schema.document
package writ.controls.day_notional

import data.writ.lib.num
import data.writ.lib.permission

# Inside the gateway the day is not what decides.
observed := input.permission.day_notional_micros if permission.outside

ceiling := input.permission.notional_per_day_max_micros if permission.outside

proven if permission.inside

proven if num.within(observed, ceiling)

proven if permission.let_out
