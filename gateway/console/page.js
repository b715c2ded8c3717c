// Registers a passkey, or has an Admin confirm with one. What the link is for stands behind the #,
// which a browser sends to nobody; it goes to the gateway in the body of a request.

const key = location.hash.slice(1);
history.replaceState(null, "", location.pathname);  // not to be kept in the history

const state = document.getElementById("state");
const button = document.getElementById("go");

function tell(text, kind) {
  state.textContent = text;
  state.className = kind ?? "";
}

function show(facts) {
  const list = document.getElementById("facts");
  for (const [name, value] of facts) {
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    list.append(term, text);
  }
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
    redirect: "error",
  });
  const found = await answer.json();
  if (!answer.ok) {
    throw new Error(`${found.detail}. ${found.remedy} (${found.code})`);
  }
  return found;
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function named(known) {
  return (known ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
}

const register = {
  async begin() {
    const { name, options } = await ask("/v1/passkeys/registration", { invitation: key });
    show([["For", name], ["Used at", location.origin]]);
    return options;
  },
  async finish(options) {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: named(options.excludeCredentials),
      },
    });
    await ask("/v1/passkeys/registration/answer", {
      invitation: key,
      credential_id: text(made.rawId),
      client_data: text(made.response.clientDataJSON),
      attestation_object: text(made.response.attestationObject),
    });
    return "Your passkey is registered.";
  },
};

const confirm = {
  async begin() {
    const asked = await ask("/v1/live/confirmation", { confirmation: key });
    const accounts = asked.accounts.map(
      (one) => `${one.account}: ${one.broker} ${one.broker_account} at ${one.hosts.join(", ")}`,
    );
    show([
      ["Environment", asked.environment],
      ["Gateway", asked.gateway],
      ["Accounts", accounts.join("\n")],
      ["Strategies", asked.strategies.join(", ")],
      ["Orders a day", `${asked.orders_per_day} at most`],
      ["Value a day", `${asked.notional_per_day} at most`],
      ["Until", asked.lapses],
      ["Manifest", asked.manifest_digest],
      ["Release", asked.release_digest],
      ["Confirmed by", asked.by],
      ["This link ends", asked.until],
    ]);
    document.getElementById("acknowledgement").textContent = asked.acknowledgement;
    document.getElementById("words").hidden = false;
    return asked.options;
  },
  async finish(options) {
    const given = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: named(options.allowCredentials),
      },
    });
    const said = given.response;
    await ask("/v1/live/confirmation/answer", {
      confirmation: key,
      credential_id: text(given.rawId),
      client_data: text(said.clientDataJSON),
      authenticator_data: text(said.authenticatorData),
      signature: text(said.signature),
      user_handle: said.userHandle ? text(said.userHandle) : null,
    });
    return "LIVE is open.";
  },
};

const work = { register, confirm }[document.body.dataset.does];

try {
  const options = await work.begin();
  tell("Ready when you are.");
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      tell(await work.finish(options), "done");
      button.hidden = true;
    } catch (error) {
      tell(error.message, "refused");
    }
  });
} catch (error) {
  tell(error.message, "refused");
}
