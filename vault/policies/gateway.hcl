# The gateway: reads what it needs to trade, and has its identity key sign.
# It writes nothing, lists nothing, and cannot see the log key.

path "kv/data/writ/gateway/*" {
  capabilities = ["read"]
}

path "kv/data/writ/brokers/*" {
  capabilities = ["read"]
}

path "transit/keys/writ-identity" {
  capabilities = ["read"]
}

path "transit/sign/writ-identity" {
  capabilities = ["update"]
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
