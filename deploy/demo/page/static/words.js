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

/** Heading and sentence for a problem that stands where a screen would. */
export function troubleOf({status, code, detail}) {
  const heading = status === 404 ? "There is no such film" : "Nothing to show right now";
  return {heading, detail: detail ?? "", code: [status || "", code].join(" ").trim()};
}

const refusals = {
  402: "There is not enough in your wallet for this.",
  409: "You can watch this film already.",
};

/** Why nothing was rented. */
export function refusalOf({status, code, detail}) {
  return refusals[status] ?? `Nothing was rented. ${detail || code}`;
}
