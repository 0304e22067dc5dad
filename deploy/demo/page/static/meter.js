// What one request has cost: time, bytes, calls, and what is missing.

import {bytes, h} from "./dom.js";
import {reason} from "./words.js";

/** Draws meters in one scale, so that the bars of different devices can be compared. */
export function meters() {
  const last = new Map(); // exchange by device
  const scale = () => Math.max(1, ...[...last.values()].map((e) => Math.max(e.services.bytes, e.wire.body)));

  function rescale() {
    for (const [frame] of last) {
      for (const bar of frame.querySelectorAll(".meter .bar")) bar.style.setProperty("--part", bar.dataset.value / scale());
    }
  }

  return function show(frame, exchange, problem) {
    const meter = frame.querySelector(".meter");
    if (!exchange) {
      last.delete(frame);
      meter.replaceChildren(h("p", {class: "none", data: {metric: "status", value: problem.status ?? 0}}, `Nothing to measure: ${problem.detail || problem.code}`));
      return rescale();
    }
    last.set(frame, exchange);
    const {services, wire} = exchange;
    meter.replaceChildren(
      h("p", {class: "asked"}, h("code", {}, `${exchange.method} ${exchange.path}`)),
      h("dl", {class: "figures"},
        figure("Time", "ms", exchange.ms, `${Math.round(exchange.ms)} ms`),
        figure("Status", "status", exchange.status, exchange.status),
        figure("Calls", "calls", services.calls, services.calls),
        figure("Missing", "missing", exchange.missing.length, exchange.status >= 400 ? "all" : exchange.missing.length || "nothing"),
        figure("Smaller", "ratio", services.bytes / Math.max(1, wire.body), services.bytes > wire.body ? `${Math.round(services.bytes / Math.max(1, wire.body))}×` : "–")),
      amount("from", "services-bytes", services.bytes, "Services answered", ""),
      amount("to", "wire", wire.body, "Over the wire", [wire.encoding && wire.encoding !== "identity" ? `${wire.encoding}, unpacked ${bytes(exchange.plain)}` : "", wire.head === null ? "" : `head ${bytes(wire.head)}`].filter(Boolean).join(", ")),
      h("ul", {class: "calls", "aria-label": "Services called"}, services.by.map((s) => h("li", {data: {called: s.name}}, h("b", {}, s.name), s.calls > 1 ? ` ×${s.calls}` : "", h("small", {}, ` ${bytes(s.bytes)}`)))),
      h("ul", {class: "missing", "aria-label": "Missing"}, exchange.missing.map((m) => h("li", {data: {part: m.part, source: m.source, code: m.code}}, h("b", {}, m.part), ` ${reason(m)}`))));
    rescale();
  };
}

function figure(label, metric, value, text) {
  return h("div", {}, h("dt", {}, label), h("dd", {data: {metric, value}}, String(text)));
}

function amount(kind, metric, value, label, more) {
  return h("div", {class: `amount ${kind}`},
    h("p", {}, `${label} `, h("b", {data: {metric, value}}, bytes(value)), more && h("small", {}, ` ${more}`)),
    h("div", {class: "bar", data: {value}}));
}
