// Composes the page, and keeps it up to date: one long poll tells of everything that happens.

import { get, takeKey } from "./api.js";
import { showDeliveries } from "./deliveries.js";
import { make } from "./dom.js";
import { buildGuide, showCode, showProgress } from "./guide.js";
import { showQr } from "./qr.js";
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
  const fresh = await get("desk");
  if (JSON.stringify(fresh) !== JSON.stringify(desk)) build(fresh); // else what is being read, written or copied stays as it is
  await Promise.all([...phones.map((phone) => phone.refresh()), refreshWebhook()]);
  progress();
}

function build(fresh) {
  desk = fresh;
  if (!desk.problem || !document.getElementById("steps").children.length) buildGuide(desk);
  showLead(desk);
  if (!chosen.length) chosen = desk.people.slice(0, BESIDE).map((person) => person.id);
  buildPhones();
}

function buildPhones() {
  const place = document.getElementById("phones");
  if (!desk.test_server) {
    phones = [];
    place.replaceChildren(notice("The real Telegram", "This system is connected to the real Telegram, so there are no test phones: codes and messages are on your own. The terminal of make up shows the lines with the key in them; this page does not. Without TELEGRAM_API_ID and TELEGRAM_API_HASH the test server of this machine is used."));
    return;
  }
  if (desk.problem) {
    phones = [];
    place.replaceChildren(notice("The test phones are away", desk.problem));
    return;
  }
  const shown = chosen.map((id) => desk.people.find((person) => person.id === id)).filter(Boolean);
  phones = shown.map((person) => new Phone(person, desk.people.filter((other) => other !== person && (other.seeded || chosen.includes(other.id))), desk.service_id));
  const rest = desk.people.filter((person) => !chosen.includes(person.id));
  place.replaceChildren(...phones.map((phone) => phone.element), ...(rest.length ? [picker(rest)] : []));
}

const notice = (title, words) => make("div", { class: "card notice", role: "status" }, make("h2", {}, title), make("p", {}, words));

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
  await showQr(account.state, phones[0]);
  progress();
  await refreshDeliveries();
}

async function refreshDeliveries() {
  showDeliveries(await get("deliveries"), told, refreshDeliveries);
}

// Who wrote, and what: from the callback where it came; of one that did not, the chat is known.
function told({ event_id, chat }) {
  const message = callbacks.find((one) => one.payload?.id === event_id)?.payload?.message;
  const id = Number(chat.split(":").at(-1));
  const who = message?.sender_name ?? message?.sender_username ?? desk.people.find((person) => person.id === id)?.name ?? `Chat ${id}`;
  return { who: String(who), text: message?.text };
}

function progress() {
  if (desk.problem) return; // what the phones had shown still holds
  const [anna, alice] = phones;
  const reached = desk.test_server ? Boolean(alice?.chats.get(anna.person.id)?.messages.some((message) => !message.outgoing)) : false;
  const asked = account.authorized || ["code_sent", "need_qr", "need_2fa"].includes(account.state);
  showProgress([Boolean(asked), Boolean(account.authorized), reached, callbacks.some((one) => one.payload?.event === "message" && one.payload.tenant === desk.tenant.number)]);
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

// Without its key the page shows nothing but where to find it.
function lock(locked) {
  document.getElementById("locked").hidden = !locked;
  document.querySelector("main").hidden = locked;
}

async function run() {
  const broken = document.getElementById("link");
  for (;;) {
    try {
      if (!desk || !broken.hidden) await load();
      lock(false);
      if (desk.problem) throw new Error(desk.problem);
      broken.hidden = true;
      if (document.hidden) await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
      await follow();
    } catch (error) {
      lock(error.code === "no_key");
      broken.textContent = error.code ? error.message : "No connection, trying again …";
      if (desk?.problem) broken.textContent = "The Telegram test server does not answer, trying again …";
      broken.hidden = error.code === "no_key";
      if (error.code === "no_key") desk = undefined;
      await pause(AGAIN_MS);
    }
  }
}

takeKey();
addEventListener("hashchange", takeKey); // a link that is pasted into an open page loads nothing anew
watchStatus();
run();
