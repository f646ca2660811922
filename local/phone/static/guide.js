// The three lines to copy, what to expect of each, and how far one has come.

import { copyable, make } from "./dom.js";

let code;

export function buildGuide(desk) {
  const steps = desk.lines.map((line, index) => step(line.title, facts(index, desk), copyable(line.command, line.title), ...expect(line)));
  if (desk.test_server) steps.push(step("Write back as Alice", make("p", {}, "Write to Anna on Alice's phone: the message arrives at your webhook, signed.")));
  else steps.push(step("Have somebody write to you", make("p", {}, "What your account receives arrives at your webhook, signed.")));
  document.getElementById("steps").replaceChildren(...steps);
  const over = make("details", {}, make("summary", {}, "Begin anew"), make("p", {}, "This logs the account out:"), copyable(desk.logout, "Log out"));
  const byQr = make("details", {}, make("summary", {}, "Log in by QR code instead"), make("p", {}, "The code then appears here, and a phone scans it:"), copyable(desk.qr, "Log in by QR code"));
  document.getElementById("over").replaceChildren(byQr, over);
}

function step(title, ...content) {
  return make("li", {}, make("h3", {}, title), ...content.filter(Boolean));
}

// What to expect is shown until it is done, what a repeat answers from then on.
const expect = (line) => [make("p", { class: "expect" }, `Expect ${line.expect}`), make("p", { class: "again" }, line.again)];

// The second line fills the code in by itself; here it can be seen.
function facts(index, desk) {
  if (index !== 1 || !desk.test_server) return null;
  code = make("output", { id: "code", "aria-label": "Current code" });
  const password = desk.people.find((person) => person.password)?.password ?? "";
  return make("p", { class: "facts" }, "Code: ", code, ...(password ? [" · password: ", make("b", {}, password)] : []));
}

export function showCode(text) {
  if (code) code.textContent = text;
}

// Mark what is done; the first that is not is the current one.
export function showProgress(done) {
  const steps = [...document.getElementById("steps").children];
  const next = done.indexOf(false);
  steps.forEach((element, index) => {
    element.classList.toggle("done", Boolean(done[index]));
    element.classList.toggle("next", index === next);
    if (index === next) element.setAttribute("aria-current", "step");
    else element.removeAttribute("aria-current");
  });
}
