// What is said about what is not there.

const reasons = {
  "upstream-timeout": "took too long",
  unreachable: "cannot be reached",
  "breaker-open": "failed before, so it was not asked",
  "bad-upstream": "answered with an error",
  overloaded: "has too much to do",
};

/** Why a part is missing: "recommendations took too long". */
export function reason({source, code}) {
  return `${source || "the gateway"} ${reasons[code] ?? `failed (${code})`}`;
}

/** What an exchange says of a part; undefined when the part is there. */
export function lacking(exchange, part) {
  return exchange.missing.find((m) => m.part === part);
}

const headings = {
  404: "There is no such film",
  409: "You have it already",
  402: "There is not enough in your wallet",
  429: "One moment, please",
};

/** Heading and sentence for a problem that stands where a screen or a result would. */
export function troubleOf({status, code, detail}) {
  return {heading: headings[status] ?? "Nothing to show right now", detail: detail ?? "", code: [status || "", code].join(" ").trim()};
}
