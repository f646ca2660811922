// Composes the page, and keeps it up to date: one long poll tells of everything that happens.

import { get } from "./api.js";
import { showDeliveries } from "./deliveries.js";
import { make } from "./dom.js";
import { buildGuide, showCode, showProgress } from "./guide.js";
import { Phone } from "./phone.js";
import { showAccount, showCallbacks, showLead } from "./webhook.js";

const BESIDE = 2; // phones shown at first: the test people of `make up`
const STATUS_EVERY_MS = 5000;
const AGAIN_MS = 1500;

let desk;
let phones = [];
let chosen = [];
let position = { stream: null, after: 0, callbacks: 0 };
let account = {};
let callbacks = [];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function load() {
  desk = await get("desk");
  buildGuide(desk);
  showLead(desk);
  if (!chosen.length) chosen = desk.people.slice(0, BESIDE).map((person) => person.id);
  buildPhones();
  await Promise.all([...phones.map((phone) => phone.refresh()), refreshWebhook()]);
  progress();
}

function buildPhones() {
  const place = document.getElementById("phones");
  if (!desk.test_server) {
    phones = [];
    place.replaceChildren(make("div", { class: "card notice" }, make("h2", {}, "The real Telegram"), make("p", {}, "This system is connected to the real Telegram, so there are no test phones: codes and messages are on your own. The terminal of make up shows the lines with the key in them; this page does not. Without TELEGRAM_API_ID and TELEGRAM_API_HASH the test server of this machine is used.")));
    return;
  }
  const shown = chosen.map((id) => desk.people.find((person) => person.id === id)).filter(Boolean);
  phones = shown.map((person) => new Phone(person, desk.people.filter((other) => other !== person && (other.seeded || chosen.includes(other.id))), desk.service_id));
  const rest = desk.people.filter((person) => !chosen.includes(person.id));
  place.replaceChildren(...phones.map((phone) => phone.element), ...(rest.length ? [picker(rest)] : []));
}

function picker(rest) {
  const options = rest.map((person) => make("option", { value: person.id }, `${person.name} ${person.phone}`));
  const select = make("select", { id: "others" }, ...options);
  const show = async () => {
    chosen = [...chosen, Number(select.value)];
    buildPhones();
    await Promise.all(phones.map((phone) => phone.refresh()));
  };
  return make("div", { class: "picker" }, make("label", { for: "others" }, "More phones"), select, make("button", { type: "button", onclick: show }, "Show"));
}

async function refreshWebhook() {
  const found = await get("webhook");
  account = found.status;
  callbacks = found.callbacks;
  position.callbacks = found.count;
  showAccount(account);
  showCode(account.authorized ? "used" : (found.code ?? "none yet"));
  showCallbacks(callbacks, desk);
  progress();
  await refreshDeliveries();
}

async function refreshDeliveries() {
  showDeliveries(await get("deliveries"), refreshDeliveries);
}

function progress() {
  const [anna, alice] = phones;
  const reached = desk.test_server ? Boolean(alice?.chats.get(anna.person.id)?.messages.some((message) => !message.outgoing)) : false;
  const asked = account.authorized || ["code_sent", "need_2fa"].includes(account.state);
  showProgress([Boolean(asked), Boolean(account.authorized), reached, callbacks.some((one) => one.payload?.tenant === desk.tenant.number)]);
}

// Everything that changed since `position`; answers when there is something, or after a while.
async function follow() {
  const { telegram, callbacks: count, closed } = await get(`changes?after=${position.after}&callbacks=${position.callbacks}`);
  if (closed) throw new Error("closing");
  const changes = telegram?.changes ?? [];
  if (telegram) {
    const anew = telegram.missed || (position.stream && position.stream !== telegram.stream);
    position = { ...position, stream: telegram.stream, after: telegram.last };
    if (anew || changes.some((change) => change.kind === "person")) return load();
  }
  const touched = new Set(changes.map((change) => change.person_id));
  await Promise.all(phones.filter((phone) => touched.has(phone.person.id)).map((phone) => phone.refresh()));
  const logins = changes.some((change) => ["code", "authorization"].includes(change.kind));
  if (logins || count !== position.callbacks) await refreshWebhook();
  progress();
}

// The status has no stream of its own; it is asked for while somebody looks.
async function watchStatus() {
  for (;;) {
    await pause(STATUS_EVERY_MS);
    if (document.hidden || !desk) continue;
    await refreshWebhook().catch(() => {});
  }
}

async function run() {
  const broken = document.getElementById("link");
  for (;;) {
    try {
      if (!desk || !broken.hidden) await load();
      broken.hidden = true;
      if (document.hidden) await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
      await follow();
    } catch {
      broken.hidden = false;
      await pause(AGAIN_MS);
    }
  }
}

watchStatus();
run();
