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

  /** What a screen has asked for since it was drawn is shown beside what it has cost itself. */
  function add(frame, exchange) {
    const note = frame.querySelector(".meter .added");
    if (!note) return;
    const requests = Number(note.dataset.requests ?? 0) + 1;
    const sum = Number(note.dataset.bytes ?? 0) + exchange.wire.body;
    Object.assign(note.dataset, {requests, bytes: sum});
    note.textContent = `then ${requests} more ${requests === 1 ? "request" : "requests"}, ${bytes(sum)}`;
  }

  function show(frame, exchange, problem) {
    const meter = frame.querySelector(".meter");
    if (!exchange) {
      last.delete(frame);
      meter.replaceChildren(h("p", {class: "none", data: {metric: "status", value: problem.status ?? 0}}, `Nothing to measure: ${problem.code}`));
      return rescale();
    }
    last.set(frame, exchange);
    const {services, wire} = exchange;
    const failed = exchange.status >= 400;
    const ratio = services.bytes / Math.max(1, wire.body);
    meter.replaceChildren(
      h("p", {class: "asked"}, h("code", {title: exchange.path}, `${exchange.method} ${exchange.path}`), h("span", {class: "added"}), wire.head !== null && h("span", {}, "head ", h("span", {data: {metric: "head", value: wire.head}}, bytes(wire.head)))),
      h("dl", {class: "figures"},
        figure("Time", "ms", exchange.ms, `${Math.round(exchange.ms)} ms`),
        figure("Status", "status", exchange.status, exchange.status),
        figure("Calls", "calls", services.calls, services.calls),
        figure("Missing", "missing", exchange.missing.length, failed ? (exchange.status < 500 ? "–" : "all") : exchange.missing.length || "nothing"),
        figure("Smaller", "ratio", ratio, failed || ratio < 1 ? "–" : `${Math.round(ratio)}×`)),
      amount("from", "services-bytes", services.bytes, "Services answered", ""),
      amount("to", "wire", wire.body, "Over the wire", packed(wire.encoding) && `${wire.encoding}, ${bytes(exchange.plain)} unpacked`),
      h("ul", {class: "calls", "aria-label": "Services called"}, services.by.map((s) => h("li", {data: {called: s.name}}, h("b", {}, s.name), s.calls > 1 ? ` ×${s.calls}` : "", h("small", {}, ` ${bytes(s.bytes)}`)))),
      h("ul", {class: "missing", "aria-label": "Missing"}, failed && h("li", {}, h("b", {}, exchange.status < 500 ? "refused" : "the whole screen"), ` ${exchange.code ?? exchange.body?.code ?? ""}`), exchange.missing.map((m) => h("li", {data: {part: m.part, source: m.source, code: m.code}}, h("b", {}, m.part), ` ${reason(m)}`))));
    rescale();
  }

  return {show, add};
}

const packed = (encoding) => encoding && encoding !== "identity";

function figure(label, metric, value, text) {
  return h("div", {}, h("dt", {}, label), h("dd", {data: {metric, value}}, String(text)));
}

function amount(kind, metric, value, label, more) {
  return h("div", {class: `amount ${kind}`},
    h("p", {}, `${label} `, h("b", {data: {metric, value}}, bytes(value)), more && h("small", {}, ` ${more}`)),
    h("div", {class: "bar", data: {value}}));
}
