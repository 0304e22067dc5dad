// Building and reading the document.

/** An element: h("a", {class: "film", data: {film: id}, on: {click: open}}, "Text", other). */
export function h(tag, {data, on, style, ...attributes} = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(style ?? {})) element.style.setProperty(name, value);
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A film's picture. Its title stands in it, so the title is its text. */
export function picture(url, title, more) {
  return h("img", {src: url, alt: title, loading: "lazy", decoding: "async", draggable: "false", ...more});
}

/** How far somebody has watched. */
export function progress(percent, title) {
  if (!percent) return null;
  return h("progress", {max: 100, value: percent, "aria-label": `${title}: ${percent} % watched`});
}

/** 24205 is "24.2 kB". */
export function bytes(n) {
  return n < 1000 ? `${n} B` : `${(n / 1000).toFixed(1)} kB`;
}

/** A price: {amount: 349, currency: "GBP"} is "£3.49". */
export function money({amount, currency}) {
  return new Intl.NumberFormat("en-GB", {style: "currency", currency}).format(amount / 100);
}

/** The store's clock stands still, so a moment is shown as it is and not as how far it is away. */
export function moment(text) {
  return new Date(text).toLocaleString("en-GB", {day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC"});
}

/** 8340 seconds are "2 h 19 min". */
function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What is left of a film: "1 h 2 min left"; nothing of one that was seen to its end. */
export function left({position_s: position, duration_s: length}) {
  return length - position < 60 ? "" : `${duration(length - position)} left`;
}

/** Facts in one line; those that are unknown are left out. */
export function line(...facts) {
  return facts.filter(Boolean).join(" · ");
}
