// The SMS of one number, as that person's phone shows them.

import { el, replace } from "./dom.js";
import { badge, fullTime, providerName, when } from "./format.js";
import { actions, callbacks, copyable, events, facts, run } from "./parts.js";

const QUICK = ["STOP", "START", "HELP"];
let draft = "";
let draftFor = "";

export function showPhone(pane, messages, chosen, { back, choose, after }) {
  const line = chosen.inbound ? chosen.to[0] : chosen.from;
  const key = `${chosen.provider}/${chosen.account}/${chosen.number}`;
  if (draftFor !== key) [draftFor, draft] = [key, ""];
  const old = pane.querySelector("article.talk");
  const same = old?.dataset.key === key;
  const scrolled = same ? old.querySelector(".bubbles") : null;
  const kept = scrolled && scrolled.scrollTop + scrolled.clientHeight < scrolled.scrollHeight - 24 ? scrolled.scrollTop : null;
  const active = same ? document.activeElement : null;
  const focused = active?.id === "answer" ? "#answer" : active?.dataset?.bubble ? `[data-bubble="${CSS.escape(active.dataset.bubble)}"]` : active?.dataset?.action ? `[data-action="${CSS.escape(active.dataset.action)}"]` : null;
  const caret = active?.id === "answer" ? [active.selectionStart, active.selectionEnd] : null;
  const bubbles = el("ol.bubbles", { "aria-label": `Messages with ${line}` }, withDays(messages, chosen, choose));
  replace(pane, el("article.talk", { "data-key": key },
    el("div.phone", {},
      el("header", {}, back, el("span.avatar.sms.big", { "aria-hidden": "true" }, line.startsWith("+") ? "#" : (line[0] ?? "?")),
        el("div", {}, el("h2", {}, line), el("p", {}, `on the phone of ${chosen.number}`))),
      bubbles,
      composer(pane, messages, after)),
    about(chosen, after)));
  bubbles.scrollTop = kept ?? bubbles.scrollHeight;
  if (kept === null) bubbles.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
  if (focused) {
    const again = pane.querySelector(focused);
    again?.focus({ preventScroll: true });
    if (caret) again?.setSelectionRange(...caret);
  }
}

function withDays(messages, chosen, choose) {
  let day = "";
  return messages.map((each) => {
    const its = new Date(each.at * 1000).toDateString();
    const head = its === day ? null : el("li.day", {}, its === new Date().toDateString() ? "Today" : its);
    day = its;
    return [head, bubble(each, chosen, choose)];
  });
}

function bubble(message, chosen, choose) {
  const parts = `${message.segments} ${message.segments === 1 ? "segment" : "segments"}`;
  return el(`li.${message.inbound ? "mine" : "theirs"}`, {},
    el("button.bubble", { type: "button", "data-bubble": message.id, "aria-current": String(message.id === chosen.id), onclick: () => choose(message) }, message.body || "(removed)"),
    el("p.under", {}, when(message.at), message.inbound ? null : el("span", {}, parts), message.inbound ? null : badge(message.status)));
}

function composer(pane, messages, after) {
  const action = messages.findLast((each) => each.reply)?.reply;
  if (!action) return el("p.note.inset", {}, "This provider takes no answers here.");
  const send = async (button, body) => {
    await run(button, action, "", "", after, { body });
    pane.querySelector("#answer")?.focus();
  };
  const onsubmit = async (event) => {
    event.preventDefault();
    const said = draft.trim();
    if (!said) return;
    draft = "";
    await send(event.currentTarget.querySelector("button[type=submit]"), said);
  };
  const field = el("input", { id: "answer", "aria-label": "Answer as this person", placeholder: `Answer ${action.body.to}`, maxlength: "1600", autocomplete: "off", oninput: (event) => (draft = event.currentTarget.value) });
  field.value = draft;
  return el("div.composer", {},
    el("div.quick", {}, QUICK.map((word) => el("button.act.plain", { type: "button", "data-action": word, onclick: (event) => send(event.currentTarget, word) }, word))),
    el("form", { onsubmit }, field, el("button.send", { type: "submit", "aria-label": "Send the answer" }, "↑")));
}

function about(message, after) {
  return el("aside.about-sms", { "aria-label": "About the chosen message" },
    el("div.head", {}, el("h3", {}, message.inbound ? "Came in" : "Sent"), badge(message.status)),
    message.problem ? el("p.problem", {}, message.problem) : null,
    message.actions.length ? el("div.toolbar", { role: "toolbar", "aria-label": "What becomes of it" }, actions(message, {}, after)) : null,
    facts([
      ["Provider", providerName(message.provider)], ["Account", copyable(message.account)], ["Id", copyable(message.id)],
      ["Reference", message.reference ? copyable(message.reference) : null],
      ["From", message.from], ["To", message.to.join(", ")], ["Segments", String(message.segments)], ["Price", message.price],
      ["Taken", fullTime(message.at)], ["Planned for", message.send_at ? fullTime(message.send_at) : null],
    ]),
    el("h3", {}, "What happened"), events(message),
    el("h3", {}, "Callbacks"), callbacks(message, after));
}
