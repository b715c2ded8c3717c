// Shows what stands, stops, resumes, and lets exits through. The key is in this variable and nowhere
// else; it goes to this gateway alone, in the header that the API asks for.

let key = "";
let shown = "";

const LOOK_MS = 2000;
const ANSWER_MS = 30000;
const state = document.getElementById("state");
const halts = document.getElementById("halts");
const choice = document.getElementById("resume-halt");

function tell(text, kind) {
  state.textContent = text;
  state.className = kind ?? "";
}

async function ask(method, path, body) {
  const headers = { Authorization: `Bearer ${key}` };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "omit",
    redirect: "error",
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const found = await answer.json();
  if (!answer.ok) {
    throw new Error(`${found.detail}. ${found.remedy} (${found.code})`);
  }
  return found;
}

function element(name, text, ...inside) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...inside);
  return made;
}

function facts(pairs) {
  const list = document.createElement("dl");
  for (const [name, value] of pairs) {
    if (value !== null) {
      list.append(element("dt", name), element("dd", String(value)));
    }
  }
  return list;
}

function covers(halt) {
  return halt.scope === "global" ? "everything" : `${halt.scope} ${halt.name}`;
}

function waiting(halt) {
  if (!halt.cancels) {
    return [element("p", "Open orders are left alone.")];
  }
  if (halt.uncancelled_count === 0) {
    return [element("p", "Every open order is cancelled.")];
  }
  const list = document.createElement("ul");
  for (const order of halt.uncancelled) {
    const why = order.code === "none" ? "not confirmed yet" : order.code;
    const text = `${order.order_id}: ${order.symbol} in ${order.account}, asked ${order.times} times: ${why}`;
    list.append(element("li", text));
  }
  const left = halt.uncancelled_count - halt.uncancelled.length;
  if (left > 0) {
    list.append(element("li", `and ${left} more`));
  }
  return [element("p", `Not cancelled yet, and asked for again by itself: ${halt.uncancelled_count}`), list];
}

function card(halt) {
  const passes = halt.reduce_allowed ? "orders that provably only reduce" : "nothing";
  const told = facts([
    ["Stops", covers(halt)],
    ["Lets through", passes],
    ["By", halt.by],
    ["Reason", halt.reason],
    ["Observed", halt.observed],
    ["Limit", halt.limit],
    ["To be lifted by", halt.clear_by === "probe" ? "itself, or an operator" : `an ${halt.clear_by}`],
    ["Kept in", halt.kept],
    ["Id", halt.halt_id],
  ]);
  return element("article", "", element("h3", halt.cause), told, ...waiting(halt));
}

function option(value, text) {
  const made = element("option", text);
  made.value = value;
  return made;
}

// Drawn anew only where something has changed: whoever is choosing or reading is not disturbed.
function show(standing, exits) {
  const now = JSON.stringify([standing, exits]);
  if (now === shown) {
    return;
  }
  shown = now;
  const count = standing.length;
  document.getElementById("seen").textContent =
    count === 0 ? "No halt stands." : `Halts that stand: ${count}`;
  halts.replaceChildren(...standing.map(card));
  const chosen = choice.value;
  const options = standing.map((one) => option(one.halt_id, `${one.cause}, ${covers(one)}, ${one.halt_id}`));
  choice.replaceChildren(option("", count === 0 ? "nothing stands" : "choose"), ...options);
  if (count > 1) {
    choice.append(option("all", "all of them"));
  }
  choice.value = [...choice.options].some((one) => one.value === chosen) ? chosen : "";
  const open = exits.map((one) => `${covers(one)} by ${one.by}${one.until ? ` until ${one.until}` : ""}`);
  document.getElementById("exits-seen").textContent =
    open.length === 0 ? "It is closed." : `Open for ${open.join("; ")}.`;
}

async function look() {
  const [standing, mode] = await Promise.all([ask("GET", "/v1/halts"), ask("GET", "/v1/mode")]);
  show(standing.halts, mode.exit_only);
}

function unknown(error) {
  shown = "";
  document.getElementById("seen").textContent = `What stands is not known: ${error.message}`;
  document.getElementById("exits-seen").textContent = "Not known.";
  halts.replaceChildren();
}

async function watch() {
  for (;;) {
    if (!document.hidden) {
      try {
        await look();
      } catch (error) {
        unknown(error);
      }
    }
    await new Promise((again) => setTimeout(again, LOOK_MS));
  }
}

function scoped(form, body) {
  const kind = form.elements.kind.value;
  return kind === "global" ? body : { ...body, scope: { kind, name: form.elements.name.value } };
}

const work = {
  async stop(form) {
    const body = { reason: form.elements.reason.value, reduce_allowed: form.elements.reduce_allowed.checked };
    const halt = await ask("POST", "/v1/kill", scoped(form, body));
    const left = halt.uncancelled_count;
    const rest = left === 0 ? "Nothing is left to cancel." : `Orders not cancelled yet: ${left}.`;
    return `Stopped: ${covers(halt)}. ${rest}`;
  },
  async resume(form) {
    const body = { halt_id: form.elements.halt_id.value, reason: form.elements.reason.value };
    const { halts: lifted } = await ask("POST", "/v1/resume", body);
    return `Lifted: ${lifted.map((one) => `${one.cause}, ${covers(one)}`).join("; ") || "nothing stood"}.`;
  },
  async exits(form) {
    const opened = form.elements.opened.value === "open";
    await ask("POST", "/v1/exit-only", scoped(form, { opened, reason: form.elements.reason.value }));
    return opened ? "Exit only is open." : "Exit only is closed.";
  },
};

for (const [name, does] of Object.entries(work)) {
  const form = document.getElementById(name);
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    tell("Asking the gateway.");
    try {
      tell(`Done. ${await does(form)}`, "done");
      form.reset();
      form.dispatchEvent(new Event("change"));
    } catch (error) {
      tell(`Refused, or not known to be done. ${error.message}`, "refused");
    } finally {
      button.disabled = false;
    }
    await look().catch(unknown);
  });
  const { kind, name: which } = form.elements;
  if (kind !== undefined) {
    form.addEventListener("change", () => {
      which.disabled = kind.value === "global";
      which.required = !which.disabled;
    });
  }
}

document.getElementById("key").addEventListener("submit", (event) => {
  event.preventDefault();
  const secret = document.getElementById("secret");
  key = secret.value.trim();
  secret.value = "";
  const desk = document.getElementById("desk");
  if (desk.hidden) {
    desk.hidden = false;
    watch();
  } else {
    look().catch(unknown);  // with another key
  }
  tell("Ready when you are.");
  document.getElementById("stop-reason").focus();
});
