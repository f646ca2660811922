// Makes elements. Text is always text: nothing here, and nothing that uses it, ever parses HTML.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// Change what a button says, and with it what it is called.
export function say(button, words) {
  button.textContent = words;
  button.removeAttribute("aria-label");
}

export const time = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export function copyable(text, label) {
  const code = make("code", { tabindex: "0", "aria-label": label }, text);
  const button = make("button", { type: "button", class: "copy", "aria-label": `Copy: ${label}`, onclick: copy }, "Copy");
  async function copy() {
    getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(text);
      say(button, "Copied");
    } catch {
      say(button, "Selected");
    }
    button.addEventListener("blur", () => (say(button, "Copy"), button.setAttribute("aria-label", `Copy: ${label}`)), { once: true });
  }
  return make("div", { class: "line" }, code, button);
}
