// Calls to the server this page came from. A key, where one is needed, lives in this tab alone.
const KEY = "twinnet-key";
export const key = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

export class Refused extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}.`);
    Object.assign(this, { status, code: body.code || "", next: body.next || "", id: body.request_id || "" });
  }
}

let askForKey = async () => false;
export const whenKeyIsNeeded = (ask) => (askForKey = ask);

async function send(path, options = {}, again = true) {
  const headers = { ...(options.headers || {}) };
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers, credentials: "omit", cache: "no-store" });
  } catch {
    throw new Refused(0, { detail: "The server does not answer.", next: "Is it still running? Then try again." });
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && again && (await askForKey())) return send(path, options, false);
  throw new Refused(answer.status, await answer.json().catch(() => ({})));
}

export const get = async (path) => (await send(path)).json();
export const forget = async (name) => (await send(`/v1/identities/${encodeURIComponent(name)}`, { method: "DELETE" })).json();
export const picture = async (name) => (await send(`/v1/picture?identity=${encodeURIComponent(name)}`)).blob();

export async function post(path, fields) {
  const form = new FormData();
  for (const [name, value] of fields) {
    if (value instanceof Blob) form.append(name, value, "image");
    else form.append(name, String(value));
  }
  return (await send(path, { method: "POST", body: form })).json();
}

export async function postJson(path, body) {
  const headers = { "Content-Type": "application/json" };
  return (await send(path, { method: "POST", body: JSON.stringify(body), headers })).json();
}
