// What the page asks the demo. Every refusal is a Problem.

export class Problem extends Error {
  constructor({status = 0, code = "unreachable", detail = ""} = {}) {
    super(detail || code);
    Object.assign(this, {status, code, detail});
  }
}

async function ask(method, path, body) {
  const json = body && {headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)};
  let response;
  try {
    response = await fetch(path, {method, cache: "no-store", ...json});
  } catch {
    throw new Problem({detail: "The demo does not answer. Does it still run?"});
  }
  const answer = await response.json().catch(() => ({status: response.status, detail: `${method} ${path} was answered with status ${response.status}.`}));
  if (!response.ok) throw new Problem(answer);
  return answer;
}

export const world = () => ask("GET", "/api/world");
export const change = (service, state) => ask("PUT", `/api/services/${service}`, state);
export const reset = () => ask("POST", "/api/reset", {});
export const trace = (id) => ask("GET", `/api/traces/${id}`);

/** Has the phone or the television send a request to its gateway; the answer is an exchange. */
export const request = (device, user, method, path, body) => ask("POST", `/api/devices/${device}/requests`, {user, method, path, body});
