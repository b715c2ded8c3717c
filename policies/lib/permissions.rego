# METADATA
# title: Permissions
# description: |
#   What an account may do stands in the signed permissions. The account's own entry counts
#   alone; the entry * counts for accounts that have none. The same goes for principals.
# schemas:
#   - input: schema.document
#   - data.permissions: schema.permissions
package writ.lib.permissions

# METADATA
# description: The entry that counts for the order's account.
entry := replaced(data.permissions, input.order.account)

# METADATA
# description: Whether the order's principal may propose orders for the account.
principal_permitted if replaced(entry.principals, input.ids.principal) == true

# METADATA
# description: Whether the account may trade the class of the order's instrument.
class_permitted if entry.classes[input.instrument.class] == true

# What stands under a name of its own takes the place of what stands under *, whatever it is.
replaced(table, name) := table[name] if {
	listed(table, name)
} else := table["*"] if {
	is_object(table)
	is_string(name)
}

listed(table, name) if {
	is_object(table)
	is_string(name)
	name in object.keys(table)
}
