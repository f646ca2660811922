// What became of the demo tenant's events: one line each, its attempts when it is opened, and a button to have it again.

import { get, post } from "./api.js";
import { make, say } from "./dom.js";

const TONES = { delivered: "good", dead: "bad", dropped: "", pending: "busy", parked: "busy" };
const STATES = {
  healthy: "Healthy: events go to the callback as they come.",
  paused: "Paused: the callback does not answer. Events wait, and it is tried again.",
  recovering: "Recovering: the callback answers again, and gets what waited.",
  disabled: "Disabled: nothing is posted, and what comes is kept to be replayed.",
  not_set: "No callback is set: what comes is dropped.",
};

// Keep the lines that have not changed: one that was opened stays open. `told` finds {who, text} of an event, as far as the page knows.
export function showDeliveries({ deliveries, callback }, told, changed) {
  const waiting = callback.pending + callback.parked;
  const next = callback.next_attempt_at ? ` Next attempt: ${new Date(callback.next_attempt_at).toLocaleTimeString()}.` : "";
  const why = callback.disabled_reason ? ` ${callback.disabled_reason}` : "";
  const dropped = callback.dropped ? ` Dropped for want of a callback: ${callback.dropped.count}.` : "";
  document.getElementById("deliveries-lead").textContent =
    `${STATES[callback.state] ?? callback.state}${why}${next} Waiting: ${waiting}, given up: ${callback.dead}.${dropped}`;
  const list = document.getElementById("deliveries");
  const there = new Map([...list.children].map((line) => [line.dataset.key, line]));
  const lines = deliveries.map((one) => {
    const about = told(one);
    const key = `${one.event_id} ${one.status} ${one.updated_at} ${about.text != null}`;
    return there.get(key) ?? line(key, one, about, changed);
  });
  list.replaceChildren(...(lines.length ? lines : [make("p", { class: "empty", "data-key": "none" }, "Nothing yet.")]));
}

function line(key, one, { who, text }, changed) {
  const attempts = make("div", { class: "attempts" });
  const details = make("details", { ontoggle: () => details.open && showAttempts(one, attempts) }, make("summary", {}, summary(one)), attempts);
  return make(
    "article",
    { class: "delivery", role: "listitem", "data-key": key, "data-event": one.event_id },
    make("p", { class: "tags" }, make("span", { class: `tag ${TONES[one.status] ?? ""}` }, one.status), make("time", { datetime: one.received_at }, new Date(one.received_at).toLocaleTimeString()), ...replay(one, changed)),
    make("p", { class: "told" }, make("strong", {}, who), text == null ? "" : `: ${text}`),
    details,
  );
}

function summary(one) {
  const count = one.attempts === 1 ? "1 attempt" : `${one.attempts} attempts`;
  return [count, one.last, one.reason].filter(Boolean).join(", ");
}

function replay(one, changed) {
  if (["pending", "parked"].includes(one.status)) return [];
  const button = make("button", { type: "button", class: "replay", "aria-label": `Replay ${one.event_id}`, onclick: again }, "Replay");
  async function again() {
    button.disabled = true;
    try {
      await post(`deliveries/${one.event_id}/replay`, {});
      say(button, "Queued");
      await changed();
    } catch (error) {
      button.disabled = false;
      say(button, error.message);
    }
  }
  return [button];
}

async function showAttempts(one, place) {
  try {
    const { made } = await get(`deliveries/${one.event_id}`);
    place.replaceChildren(make("code", {}, one.event_id), ...made.map(attempt));
  } catch (error) {
    place.replaceChildren(make("p", {}, error.message));
  }
}

function attempt(made) {
  const outcome = made.fault ?? `status ${made.status}`;
  const said = made.answer ? make("pre", { tabindex: "0" }, made.answer) : null;
  return make("div", { class: "attempt" }, make("p", {}, `${new Date(made.at).toLocaleTimeString()}: ${outcome} after ${made.duration_ms} ms`), said);
}
