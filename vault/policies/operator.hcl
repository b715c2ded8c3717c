# An operator: replaces credentials without seeing the old ones, and lets processes in.
# Signs with no key, and reads no secret.

path "kv/data/writ/gateway/*" {
  capabilities = ["create", "update"]
}

path "kv/data/writ/brokers/*" {
  capabilities = ["create", "update"]
}

path "kv/metadata/writ/*" {
  capabilities = ["read", "list"]
}

# Secret ids are handed out wrapped, and the wrapping ends soon: nobody can have one in the clear.
path "auth/approle/role/writ-gateway/secret-id" {
  capabilities     = ["update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "15m"
}

path "auth/approle/role/writ-gateway/role-id" {
  capabilities = ["read"]
}

path "auth/approle/role/writ-gateway/secret-id-accessor/destroy" {
  capabilities = ["update"]
}

path "auth/approle/role/writ-ledger/secret-id" {
  capabilities     = ["update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "15m"
}

path "auth/approle/role/writ-ledger/role-id" {
  capabilities = ["read"]
}

path "auth/approle/role/writ-ledger/secret-id-accessor/destroy" {
  capabilities = ["update"]
}

# The operator's own session: look at it, renew it, end it.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
