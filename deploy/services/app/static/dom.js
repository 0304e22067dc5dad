// Building the document, and writing what is in it.

/** An element: h("a", {href: "/", data: {film: id}, on: {click: open}}, "Text", other). */
export function h(tag, {data, on, ...attributes} = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  Object.assign(element.dataset, data);
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A price: {amount: 349, currency: "GBP"} is "£3.49". */
export function money({amount, currency}) {
  return new Intl.NumberFormat("en-GB", {style: "currency", currency}).format(amount / 100);
}

/** "2026-11-26T12:00:00Z" is "26 November 2026". */
export function day(text) {
  return new Date(text).toLocaleDateString("en-GB", {day: "numeric", month: "long", year: "numeric", timeZone: "UTC"});
}

/** Facts in one line; those that are unknown are left out. */
export function line(...facts) {
  return facts.filter(Boolean).join(" · ");
}

/** The picture of a layout that is nearest to so many pixels wide. */
export function picture(film, layout, width, title) {
  const [best] = film.posters.filter((p) => p.layout === layout).sort((a, b) => Math.abs(a.width - width) - Math.abs(b.width - width));
  if (!best) return null;
  const image = h("img", {src: best.url, width: best.width, height: best.height, alt: title, loading: "lazy", decoding: "async"});
  if (best.color) image.style.backgroundColor = best.color;
  return image;
}
