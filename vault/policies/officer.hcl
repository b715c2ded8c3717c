# An officer: signs with the key that bears the name of the officer's own entity, and no other.
# One file serves all officers; the vault fills in the name of whoever has logged in.

path "transit/keys/writ-officer-{{identity.entity.name}}" {
  capabilities = ["read"]
}

path "transit/sign/writ-officer-{{identity.entity.name}}" {
  capabilities = ["update"]
}

# The officer's own session: look at it, renew it, end it.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
