// One person's phone: a row of chats, the messages of the one that is open, and a field to write in.

import { get, post } from "./api.js";
import { make, time } from "./dom.js";

export class Phone {
  constructor(person, others, serviceId) {
    this.person = person;
    this.serviceId = serviceId;
    this.others = others;
    this.chats = new Map();
    this.open = null;
    this.lastId = 0;
    this.element = this.#build();
  }

  // Fetch all messages and show them. A message that is new opens its chat, unless something is being written in another.
  async refresh() {
    const { messages } = await get(`people/${this.person.id}/messages`);
    const newest = messages.at(-1);
    this.chats = new Map();
    for (const other of this.others) this.chats.set(other.id, { name: other.name, messages: [] });
    for (const message of messages) {
      const { id, name } = message.chat;
      const chat = this.chats.get(id) ?? { name: id === this.person.id ? "Saved Messages" : name, messages: [] };
      chat.messages.push(message);
      this.chats.set(id, chat);
    }
    if (newest && newest.id > this.lastId && !this.field.value) this.open = newest.chat.id;
    this.lastId = newest?.id ?? 0;
    if (!this.chats.has(this.open)) this.open = this.chats.keys().next().value ?? null;
    this.#show();
    await this.#markRead();
  }

  #build() {
    const { person } = this;
    const id = `phone-${person.id}`;
    this.tabs = make("div", { class: "chats", role: "tablist", "aria-label": `Chats of ${person.name}`, onkeydown: (event) => this.#arrow(event) });
    this.messages = make("div", { class: "messages", role: "log", "aria-live": "polite", "aria-label": `Messages on ${person.name}'s phone`, tabindex: "0" });
    this.field = make("textarea", { rows: "1", maxlength: "4096", id: `${id}-field`, onkeydown: (event) => this.#key(event), oninput: () => this.#grow() });
    this.label = make("label", { class: "hidden", for: `${id}-field` });
    this.problem = make("p", { class: "problem", role: "alert", hidden: true });
    this.form = make("form", { onsubmit: (event) => this.#send(event) }, this.label, this.field, make("button", { class: "send", "aria-label": `Send as ${person.name}` }, "Send"));
    this.link = make("input", { type: "text", id: `${id}-link`, placeholder: "tg://login?token=…", "aria-label": `Link that ${person.name}'s camera sees`, autocomplete: "off" });
    this.camera = make("form", { class: "camera", hidden: true, onsubmit: (event) => this.#look(event) }, this.link, make("button", { class: "send" }, "Scan"));
    const open = make("button", { type: "button", class: "lens", "aria-label": `Camera of ${person.name}'s phone`, "aria-expanded": "false", onclick: () => this.#openCamera(open) }, "Camera");
    const about = [person.phone, person.username && `@${person.username}`].filter(Boolean).join(" · ");
    return make(
      "article",
      { class: "phone", id, "aria-labelledby": `${id}-name`, "data-person": person.name },
      make("header", {}, avatar(person.id, person.name), make("div", {}, make("h2", { id: `${id}-name` }, `${person.name}'s phone`), make("p", {}, about)), open),
      this.camera,
      this.tabs,
      this.messages,
      this.problem,
      this.form,
    );
  }

  #show() {
    this.tabs.replaceChildren(...[...this.chats].map(([id, chat]) => this.#tab(id, chat)));
    const chat = this.chats.get(this.open);
    const following = this.messages.scrollHeight - this.messages.scrollTop - this.messages.clientHeight < 60;
    const shown = this.messages.dataset.chat === String(this.open);
    this.messages.dataset.chat = this.open;
    this.messages.replaceChildren(...(chat?.messages.length ? chat.messages.map(bubble) : [make("p", { class: "empty" }, this.#nothing(chat))]));
    if (following || !shown) this.messages.scrollTop = this.messages.scrollHeight;
    this.form.hidden = !chat || this.open === this.serviceId;
    if (chat) {
      this.label.textContent = `Write to ${chat.name} as ${this.person.name}`;
      this.field.placeholder = `Write to ${chat.name}`;
    }
  }

  #nothing(chat) {
    return chat ? `No messages with ${chat.name} yet.` : "No chats yet. Log-in codes arrive here.";
  }

  #tab(id, chat) {
    const unread = chat.messages.filter((message) => !message.outgoing && !message.read).length;
    const selected = id === this.open;
    return make(
      "button",
      { type: "button", role: "tab", "aria-selected": String(selected), tabindex: selected ? "0" : "-1", "data-chat": chat.name, onclick: () => this.#choose(id) },
      avatar(id, chat.name),
      make("span", {}, chat.name),
      unread && !selected ? make("b", { "aria-label": `${unread} unread` }, String(unread)) : null,
    );
  }

  #choose(id) {
    this.open = id;
    this.#show();
    this.tabs.querySelector("[aria-selected=true]").focus();
    this.#markRead();
  }

  #arrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const ids = [...this.chats.keys()];
    if (!step || !ids.length) return;
    event.preventDefault();
    this.#choose(ids[(ids.indexOf(this.open) + step + ids.length) % ids.length]);
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  #grow() {
    this.field.rows = Math.min(4, this.field.value.split("\n").length);
  }

  async #send(event) {
    event.preventDefault();
    const text = this.field.value;
    if (!text.trim()) return;
    this.field.value = "";
    this.#grow();
    try {
      await post(`people/${this.person.id}/messages`, { to: this.open, text });
      this.problem.hidden = true;
    } catch (error) {
      this.field.value = text;
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
  }

  // Scan the QR code of a log-in, which says `link`.
  async scan(link) {
    try {
      await post(`people/${this.person.id}/scan`, { link });
      this.problem.hidden = true;
      return true;
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
      return false;
    }
  }

  #openCamera(button) {
    this.camera.hidden = !this.camera.hidden;
    button.setAttribute("aria-expanded", String(!this.camera.hidden));
    if (!this.camera.hidden) this.link.focus();
  }

  async #look(event) {
    event.preventDefault();
    if (this.link.value.trim() && (await this.scan(this.link.value))) this.link.value = "";
  }

  async #markRead() {
    const chat = this.chats.get(this.open);
    if (document.hidden || !chat?.messages.some((message) => !message.outgoing && !message.read)) return;
    await post(`people/${this.person.id}/read`, { chat: this.open }).catch(() => {});
  }
}

function bubble(message) {
  const meta = [message.media && `${message.media.kind} ${message.media.name}`.trim(), time(message.date), message.outgoing && (message.read ? "✓✓" : "✓")];
  return make(
    "div",
    { class: message.outgoing ? "bubble mine" : "bubble", "data-id": message.id },
    make("p", {}, message.text),
    make("small", {}, meta.filter(Boolean).join(" ")),
  );
}

function avatar(id, name) {
  return make("i", { class: `avatar hue${id % 5}`, "aria-hidden": "true" }, [...name][0] ?? "?");
}
