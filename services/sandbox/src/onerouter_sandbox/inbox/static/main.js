// The page: what the address says is shown, and asked for again every moment while somebody looks.

import { get, keepToken, query, Source } from "./api.js";
import { byId, el, replace, toast } from "./dom.js";
import { providerName } from "./format.js";
import { keyOf, mark, rowOf, showList, walk } from "./list.js";
import { showMail } from "./mail.js";
import { showPhone } from "./phone.js";

const EVERY_MS = 1_500;
const sources = { list: new Source(), accounts: new Source(), open: new Source(), thread: new Source() };
const state = { channel: "", provider: "", account: "", q: "", open: null };
let first = [];
let older = [];
let next = null;
let opened = null;
let thread = [];
let locked = false;

function readAddress() {
  const asked = new URLSearchParams(location.search);
  for (const name of ["channel", "provider", "account", "q"]) state[name] = asked.get(name) ?? "";
  const message = asked.get("message") ?? "";
  state.open = message.includes("/") ? message : null;
}

function writeAddress(how = "replaceState") {
  const { channel, provider, account, q, open } = state;
  history[how](null, "", `/inbox${query({ channel, provider, account, q, message: open })}`);
}

const filters = () => ({ channel: state.channel, provider: state.provider, account: state.account, q: state.q });
const pathOf = (key) => {
  const [provider, ...id] = key.split("/");
  return `/inbox/api/messages/${encodeURIComponent(provider)}/${encodeURIComponent(id.join("/"))}`;
};

async function refresh() {
  try {
    const [list, accounts] = await Promise.all([sources.list.read(`/inbox/api/messages${query(filters())}`), sources.accounts.read("/inbox/api/accounts")]);
    if (locked) unlock();
    if (accounts) showAccounts(accounts.data);
    if (list) takeList(list);
    if (state.open) await refreshOpen();
    setLive("live", "Live");
  } catch (problem) {
    if (problem.status === 401) lock();
    else setLive("away", problem.status ? problem.message : "The sandbox does not answer");
  }
}

function takeList(list) {
  const known = new Set(first.map(keyOf));
  const fresh = first.length ? list.data.filter((each) => !known.has(keyOf(each))) : [];
  // What falls off the first page while older ones are shown stays among them.
  const now = new Set(list.data.map(keyOf));
  if (older.length) older = [...first.filter((each) => !now.has(keyOf(each))), ...older];
  else next = list.next_cursor;
  first = list.data;
  if (fresh.length) byId("said").textContent = `${fresh.length} new ${fresh.length === 1 ? "message" : "messages"}`;
  drawList();
  for (const each of fresh) rowOf(keyOf(each))?.classList.add("fresh");
}

function shown() {
  const keys = new Set(first.map(keyOf));
  return [...first, ...older.filter((each) => !keys.has(keyOf(each)))];
}

function drawList() {
  const messages = shown();
  showList(messages, state.open, open);
  const note = byId("list-note");
  const filtered = Object.values(filters()).some(Boolean);
  note.hidden = messages.length > 0;
  replace(note, filtered ? ["Nothing fits. ", el("button.small", { type: "button", onclick: clearFilters }, "Clear the filters")] : "No messages yet.");
  byId("older").hidden = next === null;
  if (!state.open) drawEmpty(messages.length > 0, filtered);
}

function drawEmpty(some, filtered) {
  if (byId("reading").querySelector(".empty")?.dataset.some === String(some || filtered)) return;
  const inside = some || filtered
    ? [el("h2", {}, "Choose a message"), el("p", {}, el("kbd", {}, "j"), " ", el("kbd", {}, "k"), " to walk, ", el("kbd", {}, "Enter"), " to open, ", el("kbd", {}, "/"), " to search, ", el("kbd", {}, "Esc"), " to go back")]
    : [el("h2", {}, "Nothing was sent yet"), el("p", {}, "Emails and SMS that the sandbox's Twilio, SNS, Resend, SendGrid, Mailgun and SES take appear here as they come."),
      el("pre", {}, 'curl "$ONEROUTER_BASE_URL/v1/sms" \\\n  -H "Authorization: Bearer $ONEROUTER_API_KEY" \\\n  -H "Content-Type: application/json" \\\n  -d \'{"to": "+14155550123", "body": "Hello."}\'')];
  replace(byId("reading"), el("div.empty", { "data-some": String(some || filtered) }, el("img", { src: "/inbox/static/icon.svg", alt: "", width: 40, height: 40 }), inside));
}

async function refreshOpen() {
  const key = state.open;
  const message = await sources.open.read(pathOf(key)).catch((problem) => {
    if (problem.status !== 404) throw problem;
    close();
    toast("That message is not here any more.");
    return null;
  });
  if (key !== state.open) return;
  if (message) opened = message;
  if (!opened) return;
  if (opened.channel === "email") {
    if (message) showMail(byId("reading"), opened, { back: backButton(), after: again });
    return;
  }
  const talk = await sources.thread.read(`/inbox/api/conversations/${[opened.provider, opened.account, opened.number].map(encodeURIComponent).join("/")}`);
  if (key !== state.open) return;
  if (talk) thread = talk.data;
  if (message || talk) showPhone(byId("reading"), thread, opened, { back: backButton(), choose: open, after: again });
}

async function again() {
  sources.open.forget();
  await refresh();
}

function open(message) {
  const key = keyOf(message);
  const before = state.open;
  if (before !== key) {
    state.open = key;
    opened = null;
    sources.open.forget();
    sources.thread.forget();
    writeAddress(before ? "replaceState" : "pushState");
    mark(key);
    document.body.classList.add("reads");
    if (!before) byId("reading").focus({ preventScroll: true });
  }
  return refreshOpen().catch((problem) => toast(problem.message));
}

function close() {
  const key = state.open;
  state.open = opened = null;
  writeAddress();
  document.body.classList.remove("reads");
  mark(null);
  replace(byId("reading"));
  drawList();
  if (key) rowOf(key)?.focus();
}

function backButton() {
  return el("button.icon.back", { type: "button", "aria-label": "Back to the list", onclick: close }, "←");
}

function filter(changes) {
  Object.assign(state, changes);
  [first, older, next] = [[], [], null];
  sources.list.forget();
  writeAddress();
  showFilters();
  return refresh();
}

function clearFilters() {
  byId("q").value = "";
  return filter({ channel: "", provider: "", account: "", q: "" });
}

function showFilters() {
  if (document.activeElement !== byId("q")) byId("q").value = state.q;
  for (const each of byId("channel").children) each.setAttribute("aria-pressed", String(each.dataset.value === state.channel));
}

function showAccounts(accounts) {
  const value = state.account ? `${state.provider}/${state.account}` : state.provider;
  const groups = Map.groupBy ? Map.groupBy(accounts, (each) => each.provider) : accounts.reduce((all, each) => all.set(each.provider, [...(all.get(each.provider) ?? []), each]), new Map());
  replace(byId("account"), el("option", { value: "" }, "All accounts"),
    [...groups].map(([provider, own]) => el("optgroup", { label: providerName(provider) },
      el("option", { value: provider }, `All of ${providerName(provider)}`), own.map((each) => el("option", { value: `${provider}/${each.account}` }, each.account)))));
  byId("account").value = value;
}

function setLive(kind, text) {
  const live = byId("live");
  live.className = `live ${kind}`;
  live.lastElementChild.textContent = text;
}

function lock() {
  if (locked) return;
  locked = true;
  setLive("away", "Locked");
  const onsubmit = (event) => {
    event.preventDefault();
    keepToken(event.currentTarget.querySelector("input").value.trim());
    return refresh().then(() => locked && toast("That is not the token."));
  };
  replace(byId("reading"), el("form.empty.lock", { onsubmit }, el("h2", {}, "The control token, please"),
    el("p", {}, "It is ONEROUTER_SANDBOX_CONTROL_TOKEN of the sandbox. It is kept for this tab only."),
    el("input", { type: "password", "aria-label": "Control token", autocomplete: "off", required: true, autofocus: true }), el("button.act.good", { type: "submit" }, "Open")));
  document.body.classList.add("reads");
  byId("reading").querySelector("input").focus();
}

function unlock() {
  locked = false;
  replace(byId("reading"));
  if (!state.open) document.body.classList.remove("reads");
}

function theme(change) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  let chosen = localStorage.getItem("inbox-theme");
  if (change) {
    chosen = (chosen ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
    localStorage.setItem("inbox-theme", chosen);
  }
  if (chosen) document.documentElement.dataset.theme = chosen;
  byId("theme").textContent = (chosen ?? (dark ? "dark" : "light")) === "dark" ? "☀" : "☾";
}

function onKey(event) {
  const writes = event.target.closest?.("input, textarea, select");
  if (event.key === "Escape") {
    if (writes) return writes.blur();
    return state.open ? close() : undefined;
  }
  if (writes || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const inList = !event.target.closest?.(".reading");
  const step = { j: 1, k: -1, ...(inList ? { ArrowDown: 1, ArrowUp: -1 } : {}) }[event.key];
  if (step) {
    event.preventDefault();
    const key = walk(step, state.open);
    const message = state.open && key ? shown().find((each) => keyOf(each) === key) : null;
    return message ? open(message) : undefined;
  }
  if (event.key === "/") {
    event.preventDefault();
    return byId("q").focus();
  }
  return event.key === "t" ? theme(true) : undefined;
}

async function showOlder() {
  const page = await get(`/inbox/api/messages${query({ ...filters(), cursor: next })}`).catch((problem) => toast(problem.message));
  if (!page) return;
  older = [...older, ...page.data];
  next = page.next_cursor;
  drawList();
}

let typing;
byId("q").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => filter({ q: event.target.value.trim() }), 200);
});
byId("channel").addEventListener("click", (event) => event.target.dataset.value !== undefined && filter({ channel: event.target.dataset.value }));
byId("account").addEventListener("change", (event) => {
  const [provider, ...account] = event.target.value.split("/");
  filter({ provider, account: account.join("/") });
});
byId("older").addEventListener("click", showOlder);
byId("theme").addEventListener("click", () => theme(true));
document.addEventListener("keydown", onKey);
addEventListener("popstate", () => {
  readAddress();
  document.body.classList.toggle("reads", state.open !== null);
  if (!state.open) replace(byId("reading"));
  [first, older, next, opened] = [[], [], null, null];
  Object.values(sources).forEach((each) => each.forget());
  showFilters();
  refresh();
});
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());

readAddress();
theme(false);
showFilters();
document.body.classList.toggle("reads", state.open !== null);
await refresh();
for (;;) {
  await new Promise((done) => setTimeout(done, EVERY_MS));
  if (document.visibilityState === "visible") await refresh();
}
