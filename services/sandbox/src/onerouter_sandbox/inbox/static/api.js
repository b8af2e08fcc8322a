// Requests to the sandbox. A control token, where one is set, is kept for this tab only.

let token = sessionStorage.getItem("control-token");
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  keepToken(given);
  history.replaceState(null, "", location.pathname + location.search);
}

export class Problem extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export function keepToken(value) {
  token = value;
  sessionStorage.setItem("control-token", value);
}

async function ask(path, options) {
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(path, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(10_000), ...options, headers });
  if (answer.status === 304) return answer;
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Problem(answer.status, typeof said.detail === "string" ? said.detail : `The sandbox answered ${answer.status}.`);
  }
  return answer;
}

/** What is asked for again and again: `read` answers null while nothing changed. */
export class Source {
  #path;
  #tag;

  async read(path) {
    const known = path === this.#path && this.#tag ? { "If-None-Match": this.#tag } : {};
    const answer = await ask(path, { headers: known });
    if (answer.status === 304) return null;
    this.#path = path;
    this.#tag = answer.headers.get("ETag");
    return answer.json();
  }

  forget() {
    this.#path = undefined;
  }
}

export async function get(path) {
  return (await ask(path, {})).json();
}

export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

export function query(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
}
