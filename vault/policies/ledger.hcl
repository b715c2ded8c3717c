# The ledger: reads the log key, and nothing else.

path "kv/data/writ/log-key" {
  capabilities = ["read"]
}

# Its own session: look at it, renew it, end it.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
