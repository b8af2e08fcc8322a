// The list on the left: newest first, walked with the arrow keys or j and k.

import { byId, el, replace } from "./dom.js";
import { badge, initial, person, providerName, when } from "./format.js";

export const keyOf = (message) => `${message.provider}/${message.id}`;

export function showList(messages, openKey, onOpen) {
  const list = byId("list");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  replace(list, messages.map((each) => el("li", {}, row(each, openKey, onOpen))));
  if (focused) rowOf(focused)?.focus({ preventScroll: true });
}

export function mark(openKey) {
  for (const each of rows()) each.setAttribute("aria-current", String(each.dataset.key === openKey));
}

/** Moves the focus by `step` rows, and answers the row's key; null at the ends. */
export function walk(step, openKey) {
  const all = rows();
  const from = all.indexOf(document.activeElement);
  const place = from >= 0 ? from : all.findIndex((each) => each.dataset.key === openKey);
  const next = all[place < 0 ? 0 : place + step];
  if (!next) return null;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return next.dataset.key;
}

export function rowOf(key) {
  return rows().find((each) => each.dataset.key === key);
}

function rows() {
  return [...byId("list").querySelectorAll("button.row")];
}

function row(message, openKey, onOpen) {
  const isText = message.channel === "sms";
  const who = isText ? message.number : message.to.map((each) => person(each).name || person(each).address).join(", ");
  const line = isText ? message.snippet : message.title || "(no subject)";
  return el(
    "button.row",
    { type: "button", "data-key": keyOf(message), "aria-current": String(keyOf(message) === openKey), onclick: () => onOpen(message) },
    el(`span.avatar.${message.channel}`, { "aria-hidden": "true" }, isText ? (message.inbound ? "↙" : "#") : initial(message.to[0] ?? "?")),
    el("span.who", {}, isText && message.inbound ? "From " : null, who),
    when(message.at),
    el("span.line", {}, line),
    el("span.snippet", {}, isText ? (message.inbound ? "Reply to " : "As ") + (message.inbound ? message.to[0] : message.from) : message.snippet),
    el("span.marks", {}, badge(message.status), el("span.provider", {}, providerName(message.provider)),
      message.attachments ? el("span.clip", { title: "Attachments" }, `⌁ ${message.attachments}`) : null),
  );
}
