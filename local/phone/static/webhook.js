// What the development receiver got, newest first, and the state of the demo account.

import { make } from "./dom.js";

const MEANING = {
  "webhook-id": "The event's id, the same in every attempt: keep it, and a repeat is told by it.",
  "webhook-timestamp": "When this attempt was made, in seconds; refuse what is older than five minutes.",
  "webhook-attempt": "1, and more where the receiver did not answer with 2xx before.",
  "webhook-signature": "Standard Webhooks: v1, and base64 HMAC-SHA256 of id.timestamp.body; the key is the base64 after whsec_.",
  "x-signature": "Hex HMAC-SHA256 of the body; the key is the whole signing secret as text.",
};

const STATES = {
  new: ["Not logged in", ""],
  code_sent: ["Code sent", "busy"],
  need_qr: ["QR code shown", "busy"],
  need_2fa: ["Password wanted", "busy"],
  authorized: ["Logged in", "good"],
  logged_out: ["Logged out", ""],
};

export function showAccount(status) {
  const pill = document.getElementById("account");
  const [words, tone] = STATES[status.state] ?? [status.state ?? status.detail ?? "unknown", "bad"];
  const held = status.state === "authorized" && !status.owner ? ", its listener is away" : "";
  pill.textContent = `Demo account: ${words}${held}`;
  pill.className = `pill ${held ? "busy" : tone}`;
  pill.dataset.state = status.state;
}

export function showLead(desk) {
  document.getElementById("webhook-lead").textContent = desk.receives
    ? `What tenant ${desk.tenant.number}'s account receives is posted to the development receiver of this machine, and shown here.`
    : "The development receiver is switched off (DEV_CALLBACK_RECEIVER). Set a callback_url of your own on the demo tenant.";
}

// Keep the cards that are there: one that was opened stays open.
export function showCallbacks(callbacks, desk) {
  const list = document.getElementById("callbacks");
  const there = new Map([...list.children].map((card) => [card.dataset.key, card]));
  const cards = callbacks.map((callback) => {
    const key = `${callback.received_at} ${callback.payload?.id ?? ""} ${callback.seen ? "seen" : ""}`;
    return there.get(key) ?? card(key, callback, desk);
  });
  if (!cards.length) cards.push(there.get("none") ?? nothing(desk));
  list.replaceChildren(...cards);
}

function nothing(desk) {
  const how = desk.test_server ? "Once Anna is logged in, write to her from Alice's phone." : "Once you are logged in, what you receive appears here.";
  return make("p", { class: "empty", "data-key": "none" }, `Nothing yet. ${how}`);
}

function card(key, { received_at, payload, seen }, desk) {
  const message = payload?.message ?? {};
  const who = message.sender_name ?? message.sender_username ?? message.sender_id ?? "somebody";
  const at = new Date(received_at).toLocaleTimeString();
  return make(
    "article",
    { class: "callback", "data-key": key },
    make("header", {}, make("strong", {}, payload?.event === "message" ? `Message from ${who}` : String(payload?.event ?? "Callback")), make("time", { datetime: received_at }, at)),
    message.text == null ? null : make("p", { class: "quote" }, String(message.text)),
    make("p", { class: "tags" }, ...tags(payload, seen, desk)),
    make("details", {}, make("summary", {}, "Headers"), seen ? headers(seen) : withoutHeaders()),
    make("details", {}, make("summary", {}, "Body"), make("pre", { tabindex: "0" }, JSON.stringify(payload, null, 2))),
  );
}

function tags(payload, seen, desk) {
  const found = [];
  const tag = (words, tone, title) => found.push(make("span", { class: `tag ${tone}`, title }, words));
  if (seen) {
    const both = seen.standard_webhooks && seen.x_signature;
    tag(both ? "✓ both signatures hold" : "✗ a signature does not hold", both ? "good" : "bad", "checked with the demo tenant's signing secret");
    if (seen.headers["webhook-attempt"] !== "1") tag(`attempt ${seen.headers["webhook-attempt"]}`, "busy");
  }
  if (payload?.backfilled) tag("backfilled", "busy", "fetched late: it was sent while no listener was connected");
  if (payload?.tenant != null && payload.tenant !== desk.tenant.number) tag(`tenant ${payload.tenant}`, "");
  return found;
}

function headers(seen) {
  const rows = Object.entries(seen.headers).flatMap(([name, value]) => [
    make("dt", {}, name),
    make("dd", {}, make("code", {}, value), make("small", {}, MEANING[name] ?? "")),
  ]);
  return make("dl", {}, ...rows);
}

function withoutHeaders() {
  const rows = Object.entries(MEANING).flatMap(([name, meaning]) => [make("dt", {}, name), make("dd", {}, make("small", {}, meaning))]);
  return make("div", {}, make("p", {}, "This one came before the page's server was started, so its headers are gone. They mean:"), make("dl", {}, ...rows));
}
