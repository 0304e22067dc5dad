// Asking the gateway: who signs in, and what each answer has cost.

export class Problem extends Error {
  constructor({status = 0, code = "unreachable", detail = ""}) {
    super(detail || code);
    Object.assign(this, {status, code, detail});
  }
}

const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");

const patience = 15000; // milliseconds

async function reach(path, options) {
  try {
    return await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(patience), ...options});
  } catch (error) {
    throw new Problem(error.name === "TimeoutError" ? {code: "timeout", detail: `The film store has not answered within ${patience / 1000} seconds.`} : {detail: "The film store cannot be reached."});
  }
}

async function read(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem({code: "failed", detail: "The film store has not answered as it should.", ...body, status: response.status});
  return body;
}

let token = null; // {user, text, until}

async function signIn(user) {
  if (token?.user === user && Date.now() < token.until) return token.text;
  const response = await reach("/app/sign-in", {method: "POST", body: new URLSearchParams({as: user})});
  const {access_token: text, expires_in: seconds} = await read(response);
  token = {user, text, until: Date.now() + (seconds - 30) * 1000};
  return text;
}

/** The browser's own measurement of a request, when it has it. */
function measurement(url, since) {
  return new Promise((resolve) => {
    const done = (entry) => {
      observer.disconnect();
      clearTimeout(timer);
      resolve(entry);
    };
    const observer = new PerformanceObserver((list) => {
      const entry = list.getEntriesByName(url).find((e) => e.startTime >= since);
      if (entry) done(entry);
    });
    const timer = setTimeout(done, 3000, {duration: performance.now() - since, encodedBodySize: 0, decodedBodySize: 0});
    observer.observe({type: "resource", buffered: true});
  });
}

/**
 * Gets a page's data for a user. Returns {body, exchange}, the exchange with a trace
 * of its own by which the services know the request too.
 */
export async function load(user, path) {
  const bearer = await signIn(user);
  const trace = hex(16);
  const since = performance.now();
  performance.clearResourceTimings(); // the buffer is small, and pictures fill it
  const response = await reach(path, {headers: {Accept: "application/json", Authorization: `Bearer ${bearer}`, traceparent: `00-${trace}-${hex(8)}-01`}});
  if (response.status === 401) token = null;
  const body = await response.json().catch(() => ({detail: "The answer cannot be read."}));
  const {duration, encodedBodySize, decodedBodySize} = await measurement(new URL(path, location).href, since);
  const exchange = {
    trace, method: "GET", path, status: response.status, ms: duration,
    wire: {body: encodedBodySize, encoding: response.headers.get("Content-Encoding") ?? "identity"}, plain: decodedBodySize,
    completeness: response.ok ? (response.headers.get("BFF-Completeness") ?? "full").split(",")[0] : "none",
    missing: body._meta?.errors ?? [],
    code: response.ok ? null : body.code,
  };
  return {body, exchange};
}
