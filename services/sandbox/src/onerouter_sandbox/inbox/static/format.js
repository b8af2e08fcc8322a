import { el } from "./dom.js";

const GOOD = /^(delivered|delivery|success|sent|send|opened?|clicked?|read|received|published)$/i;
const BAD = /^(bounced?|failed|failure|undelivered|complain(ed|t)|spamreport|dropped|blocked|suppressed|reject(ed)?|rendering failure|unsubscribed?|group_unsubscribe|subscription)$/i;
const WAITS = /^(scheduled|deferred|delivery_delayed|deliverydelay)$/i;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const PROVIDERS = { twilio: "Twilio", sns: "SNS", resend: "Resend", sendgrid: "SendGrid", mailgun: "Mailgun", ses: "SES" };

export const providerName = (id) => PROVIDERS[id] ?? id;

export function tone(word) {
  return GOOD.test(word) ? "good" : BAD.test(word) ? "bad" : WAITS.test(word) ? "waits" : "plain";
}

/** Never by colour alone: a dot and the provider's own word. */
export function badge(word) {
  return el(`span.badge.${tone(word)}`, {}, el("i"), word.replaceAll("_", " "));
}

export function when(at, { precise = false } = {}) {
  const date = new Date(at * 1000);
  const today = date.toDateString() === new Date().toDateString();
  const shown = precise ? exact.format(date) : today ? clock.format(date) : day.format(date);
  return el("time", { datetime: date.toISOString(), title: whole.format(date) }, shown);
}

export function fullTime(at) {
  return el("time", { datetime: new Date(at * 1000).toISOString() }, whole.format(new Date(at * 1000)));
}

export function bytes(count) {
  if (count === null) return "";
  return count < 1000 ? `${count} B` : count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

/** `Ada Lovelace <ada@example.net>` → its parts; the name is empty where there is none. */
export function person(text) {
  const found = /^\s*"?([^"<]*?)"?\s*<([^>]+)>\s*$/.exec(text);
  return found ? { name: found[1], address: found[2] } : { name: "", address: text };
}

export function initial(text) {
  const { name, address } = person(text);
  const letter = [...(name || address)].find((each) => /[\p{L}\p{N}]/u.test(each)) ?? "?";
  return letter.toLocaleUpperCase();
}

export function short(id) {
  return id.length > 22 ? `${id.slice(0, 12)}…${id.slice(-6)}` : id;
}
