// What emails and SMS have in common: what may be done, what happened, who was told.

import { post } from "./api.js";
import { el, toast } from "./dom.js";
import { badge, when } from "./format.js";

/** Buttons of one message's actions; `chosen` is asked when one is pressed. `after`: what to do when it was done. */
export function actions(message, { recipient = () => "", link = () => "" }, after) {
  return message.actions.map((action) =>
    el(`button.act.${action.tone}`, { type: "button", "data-action": action.name, onclick: (event) => run(event.currentTarget, action, recipient(), link(), after) }, action.label),
  );
}

export async function run(button, action, recipient, link, after, more = {}) {
  const body = structuredClone({ ...action.body, ...more });
  if (recipient && action.recipient_as) body[action.recipient_as] = action.recipient_as === "recipients" ? [recipient] : recipient;
  if (link && action.link_as.length) {
    const place = action.link_as.slice(0, -1).reduce((inside, name) => (inside[name] ??= {}), body);
    place[action.link_as.at(-1)] = link;
  }
  button.disabled = true;
  try {
    await post(action.path, body);
    await after();
  } catch (problem) {
    toast(problem.message);
  } finally {
    button.disabled = false;
  }
}

export function events(message) {
  if (!message.events.length) return el("p.note", {}, "Nothing has happened to it yet.");
  const several = new Set(message.events.map((each) => each.recipient)).size > 1;
  return el("ol.events", {}, message.events.map((each) =>
    el("li", {}, when(each.at, { precise: true }), badge(each.event), several ? el("span.mono", {}, each.recipient ?? "") : null, each.about ? el("span.about", {}, each.about) : null)));
}

export function callbacks(message, after) {
  if (!message.callbacks.length) return el("p.note", {}, "Nobody was told: the account has no callback address, or nothing has happened.");
  return el("ol.events", {}, message.callbacks.map((each) =>
    el("li", {}, badge(each.state === "given_up" ? "failed" : each.state), el("span", {}, each.event),
      el("span.about", {}, each.tries ? `${each.tries} ${each.tries === 1 ? "try" : "tries"}, last: ${each.last}` : "not tried yet"),
      el("button.small", { type: "button", onclick: (event) => run(event.currentTarget, { path: each.resend_path, body: {}, link_as: [] }, "", "", after) }, "Send again"))));
}

export function facts(pairs) {
  return el("dl.facts", {}, pairs.filter(([, value]) => value !== null && value !== "" && value !== undefined && !(Array.isArray(value) && !value.length))
    .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

export function copyable(text) {
  return el("button.copy", { type: "button", title: "Copy", onclick: async () => {
    await navigator.clipboard?.writeText(text).then(() => toast("Copied."), () => toast("The browser does not let us copy."));
  } }, text);
}
