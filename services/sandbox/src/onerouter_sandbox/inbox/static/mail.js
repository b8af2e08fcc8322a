// One email as a mail client shows it. Its HTML is a document of its own, in a frame that may do nothing.

import { el, replace } from "./dom.js";
import { badge, bytes, fullTime, initial, person, providerName } from "./format.js";
import { actions, callbacks, copyable, events, facts } from "./parts.js";

let chosenTab = "";
let chosenRecipient = "";
let shownId = "";

export function showMail(pane, message, { back, after }) {
  const key = `${message.provider}/${message.id}`;
  if (shownId !== key) [shownId, chosenRecipient] = [key, ""];
  const tabs = tabsOf(message, after);
  if (!tabs.some((tab) => tab.name === chosenTab)) chosenTab = tabs[0].name;
  const old = pane.querySelector("article.mail");
  const keptFrame = old?.dataset.key === key ? old.querySelector("iframe") : null;
  const focused = old?.dataset.key === key ? focusPath() : null;
  const article = el("article.mail", { "data-key": key },
    el("header", {},
      el("div.head", {}, back, el("h2", {}, message.subject || "(no subject)"), badge(message.status)),
      el("div.from", {}, el("span.avatar.email.big", { "aria-hidden": "true" }, initial(message.from)), sender(message)),
      toolbar(message, after)),
    message.files.length ? files(message) : null,
    tablist(tabs, pane, message, { back, after }),
    panel(tabs, keptFrame));
  replace(pane, article);
  if (focused) pane.querySelector(focused)?.focus({ preventScroll: true });
}

function focusPath() {
  const { action, tab } = document.activeElement?.dataset ?? {};
  if (action) return `[data-action="${CSS.escape(action)}"]`;
  if (tab) return `[data-tab="${CSS.escape(tab)}"]`;
  return document.activeElement?.id === "recipient" ? "#recipient" : null;
}

function sender(message) {
  const { name, address } = person(message.from);
  return el("div.people", {},
    el("p", {}, el("strong", {}, name || address), name ? el("span.address", {}, ` ${address}`) : null, el("span.at", {}, fullTime(message.at))),
    peopleLine("To", message.to), peopleLine("Cc", message.cc), peopleLine("Bcc", message.bcc), peopleLine("Reply to", message.reply_to));
}

function peopleLine(label, people) {
  return people.length ? el("p.to", {}, el("span", {}, label), people.join(", ")) : null;
}

function toolbar(message, after) {
  if (!message.actions.length) {
    const why = message.status === "scheduled" ? "It waits for its time: nothing can happen to it yet." : `It is ${message.status}: nothing can happen to it.`;
    return el("p.note.inset", {}, why);
  }
  const several = message.recipients.length > 1 && message.actions.some((each) => each.recipient_as);
  if (!message.recipients.includes(chosenRecipient)) chosenRecipient = "";
  const recipient = several
    ? el("select", { id: "recipient", "aria-label": "Whose copy", onchange: (event) => (chosenRecipient = event.currentTarget.value) },
      el("option", { value: "" }, "Everybody's copy"),
      message.recipients.map((each) => el("option", { value: each, selected: each === chosenRecipient }, each)))
    : null;
  const link = () => message.links[0]?.url ?? "";
  return el("div.toolbar", { role: "toolbar", "aria-label": "What becomes of it" }, recipient,
    actions(message, { recipient: () => (several ? chosenRecipient : ""), link }, after));
}

function files(message) {
  return el("ul.files", { "aria-label": "Attachments" }, message.files.map((file) => {
    const about = [file.content_type, bytes(file.size), file.inline ? "inline" : ""].filter(Boolean).join(" · ");
    const inside = [el("span.name", {}, file.name), el("span.about", {}, file.url ? about : `${about} · by reference, not kept here`)];
    return el("li", {}, file.url ? el("a", { href: file.url, download: file.name }, inside) : el("span.file", {}, inside));
  }));
}

function tabsOf(message, after) {
  const tabs = [];
  if (message.html_url) tabs.push({ name: "html", label: "HTML", make: (kept) => htmlPart(message, kept) });
  if (message.text !== null) tabs.push({ name: "text", label: "Text", make: () => el("pre.text", {}, message.text) });
  if (message.html !== null) tabs.push({ name: "source", label: "Source", make: () => el("pre.text.mono", {}, message.html) });
  tabs.push({ name: "headers", label: "Headers", make: () => headerPart(message) });
  tabs.push({ name: "events", label: `Events ${message.events.length}`, make: () => events(message) });
  tabs.push({ name: "callbacks", label: `Callbacks ${message.callbacks.length}`, make: () => callbacks(message, after) });
  return tabs;
}

function tablist(tabs, pane, message, how) {
  const choose = (name) => {
    chosenTab = name;
    showMail(pane, message, how);
    pane.querySelector(`[data-tab="${CSS.escape(name)}"]`)?.focus();
  };
  const onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const place = tabs.findIndex((tab) => tab.name === chosenTab);
    choose(tabs[(place + step + tabs.length) % tabs.length].name);
  };
  return el("div.tabs", { role: "tablist", "aria-label": "Parts of the email", onkeydown }, tabs.map((tab) =>
    el("button", { type: "button", role: "tab", "data-tab": tab.name, id: `tab-${tab.name}`, "aria-controls": "part", "aria-selected": String(tab.name === chosenTab), tabindex: tab.name === chosenTab ? "0" : "-1", onclick: () => choose(tab.name) }, tab.label)));
}

function panel(tabs, keptFrame) {
  const tab = tabs.find((each) => each.name === chosenTab);
  return el(`div.part.${tab.name}`, { role: "tabpanel", id: "part", "aria-labelledby": `tab-${tab.name}`, tabindex: "0" }, tab.make(keptFrame));
}

function htmlPart(message, kept) {
  // `sandbox` without any word: no scripts, no forms, no windows, no origin. The policy of the document says so again.
  const frame = kept?.getAttribute("src") === message.html_url ? kept : el("iframe", { sandbox: "", src: message.html_url, title: `HTML of “${message.subject}”`, referrerpolicy: "no-referrer", loading: "eager" });
  return [
    message.blocked ? el("p.blocked", {}, `${message.blocked} remote ${message.blocked === 1 ? "resource" : "resources"} blocked: an email here never reaches the network.`) : null,
    frame,
    message.links.length
      ? el("details.links", {}, el("summary", {}, `${message.links.length} ${message.links.length === 1 ? "link" : "links"}`),
        el("ul", {}, message.links.map((each) => el("li", {}, el("span", {}, each.text || "(picture)"), el("a.mono", { href: each.url, target: "_blank", rel: "noopener noreferrer nofollow" }, each.url)))))
      : null,
  ];
}

function headerPart(message) {
  const tags = Object.entries(message.tags);
  return el("div", {},
    facts([
      ["Provider", providerName(message.provider)], ["Account", copyable(message.account)], ["Id", copyable(message.id)],
      ["Reference", message.reference ? copyable(message.reference) : null], ["Template", message.template],
      ["Planned for", message.send_at ? fullTime(message.send_at) : null],
    ]),
    message.headers.length ? [el("h3", {}, "Headers"), facts(message.headers.map(({ name, value }) => [name, value]))] : null,
    tags.length ? [el("h3", {}, "Tags and arguments"), facts(tags)] : null);
}
