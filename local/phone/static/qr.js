// The QR code of the demo account's log-in, while it waits for a scan: a click on it is the camera of the first phone.

import { get } from "./api.js";
import { make } from "./dom.js";

const EVERY_MS = 2000;
let asking = false;
let shown = null;

// Show the present code until the log-in goes on; a code is good for half a minute.
export async function showQr(state, phone) {
  const place = document.getElementById("qr");
  if (state !== "need_qr") {
    shown = null;
    place.hidden = true;
    return;
  }
  if (asking) return;
  asking = true;
  try {
    const { link, svg } = await get("qr");
    if (link && link !== shown) place.replaceChildren(...content(link, svg, phone));
    shown = link;
    place.hidden = !link;
  } catch {
    place.hidden = true; // the status says what is the matter
  } finally {
    asking = false;
  }
  setTimeout(() => !document.hidden && shown && showQr(state, phone), EVERY_MS);
}

function content(link, svg, phone) {
  const name = phone ? `${phone.person.name}'s phone` : "a phone";
  const image = make("img", { src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt: "QR code of the log-in", width: "200", height: "200" });
  const scan = make("button", { type: "button", class: "scan", disabled: !phone, "aria-label": `Scan with ${name}`, onclick: () => phone.scan(link) }, image);
  return [make("h3", {}, "Log in by QR code"), scan, make("p", {}, `Click the code: ${name} scans it. Any other phone here takes the link behind its camera.`), make("code", { tabindex: "0" }, link)];
}
