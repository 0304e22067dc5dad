// The television: four arrows, OK and Back. One button of it always has the focus or
// will have it; every row remembers where it was left.

import * as api from "./api.js";
import {h, left, line, picture, progress} from "./dom.js";
import {absent, trouble, turns} from "./screen.js";
import {lacking} from "./words.js";

const near = 2; // rows: a shell is filled when the focus is no farther away
// The rows that the start screen brings along, in their order, for when one is missing.
const titles = {hero: "Tonight", continue: "Continue watching", picks: "For you", best: "Best of all time"};

/**
 * Makes the frame a television. A view is {element, rows, at}: what is shown, its rows
 * of buttons from above, and which of them is the current one. A row is {id, buttons,
 * left}, left being the index of the button that has or had the focus.
 */
export function tv(frame, hub) {
  const screen = frame.querySelector(".screen");
  const next = turns(screen);
  let film = null; // the film that is shown, or null for the start screen
  let view = {element: null, rows: [], at: 0};
  let home = null; // the start screen, kept while a film is shown

  const ask = (path) => api.request("tv", hub.user(), "GET", path);

  function load() {
    const shown = film;
    return next(() => ask(shown ? `/v1/films/${encodeURIComponent(shown)}` : "/v1/home"), (exchange, problem) => {
      hub.measured(exchange, problem);
      const failed = problem ?? (exchange.status >= 400 ? {status: exchange.status, ...exchange.body} : null);
      if (failed) enter(troubled(failed));
      else if (shown) enter(filmView(exchange.body, exchange));
      else enter(home = homeView(exchange.body, exchange, home));
    });
  }

  function troubled(problem) {
    const element = trouble(problem, load);
    return {element, rows: [{id: "again", buttons: [element.querySelector("button")], left: 0}], at: 0};
  }

  // The start screen.

  const card = (layout) => (item) => h("button", {type: "button", class: `card ${layout}`, data: {film: item.film_id}, on: {click: () => open(item.film_id)}},
    picture(item.image, line(item.title, item.year)), progress(item.percent, item.title),
    layout === "hero" && h("span", {class: "tonight"}, h("b", {}, "Tonight"), item.reason));

  /** Draws the rows; the focus is where the gateway wants it, or where it was before. */
  function homeView(body, exchange, before) {
    const rows = body.rows.map((r) => {
      const strip = h("div", {class: "strip"}, r.items.map(card(r.layout)));
      const element = h("section", {class: `row ${r.layout}`, "aria-label": r.title, data: {row: r.id}}, r.layout !== "hero" && h("h3", {}, r.title), strip);
      return {...r, strip, element, buttons: [...strip.children], left: before?.rows.find((old) => old.id === r.id)?.left ?? 0};
    });
    const elements = rows.map((r) => r.element);
    for (const [i, id] of Object.keys(titles).entries()) {
      const missing = lacking(exchange, id);
      if (missing) elements.splice(i, 0, h("section", {class: "row", "aria-label": titles[id]}, h("h3", {}, titles[id]), absent("This row", missing)));
    }
    const first = body.first_focus;
    if (!before && first) rows[first.row].left = first.index;
    const old = rows.findIndex((r) => r.id === before?.rows[before.at]?.id);
    return {element: h("div", {class: "rows"}, elements), rows, at: old >= 0 ? old : (first?.row ?? 0)};
  }

  /** Fills the shells near the focus, and asks for what comes behind the end of a row. */
  function fill() {
    for (let i = view.at; i <= Math.min(view.at + near, view.rows.length - 1); i++) {
      const row = view.rows[i];
      const ending = i === view.at && row.left >= row.buttons.length - 4;
      if (row.next && !row.asked && (row.state === "shell" || ending)) more(view, row);
    }
  }

  async function more(mine, row) {
    row.asked = true;
    let exchange = null, problem = null;
    try {
      exchange = await ask(row.next);
    } catch (e) {
      problem = e;
    }
    row.asked = false;
    if (view !== mine) return; // asked for again when that view is back
    if (exchange) hub.added(exchange);
    if (problem || exchange.status >= 400) { // the next move tries again
      if (row.buttons.length === 0) row.strip.replaceChildren(absent("This row", {part: row.id}));
      return;
    }
    const films = exchange.body.items.map(card(row.layout));
    for (const button of films) button.tabIndex = -1;
    if (row.buttons.length === 0) row.strip.replaceChildren(); // what was said to be absent
    row.strip.append(...films); // the others stay: one of them may have the focus
    Object.assign(row, {state: "filled", buttons: [...row.buttons, ...films], next: exchange.body.next});
    if (row === view.rows[view.at]) settle(holds());
  }

  // One film.

  function filmView({film: f, play, similar}, exchange) {
    const said = h("p", {class: "result", role: "status"});
    const label = !play?.percent ? "▶ Play" : left(play) ? `▶ Go on, ${left(play)}` : "▶ Play again";
    const start = play?.manifest && h("button", {type: "button", class: "play", on: {click: () => (said.textContent = `The set would now play ${play.manifest}`)}}, label);
    const others = (similar?.items ?? []).map(card("poster"));
    const element = h("article", {class: "detail", data: {film: f.id}},
      picture(f.image, "", {class: "backdrop", loading: "eager"}),
      h("div", {class: "words"},
        h("h3", {}, f.title),
        h("p", {class: "facts"}, line(f.year, f.genre, f.minutes && `${f.minutes} min`, f.rating && `★ ${f.rating}`, f.director)),
        h("p", {class: "summary"}, f.summary),
        start, progress(play?.percent, f.title), absent("Playing", lacking(exchange, "manifest") ?? lacking(exchange, "play")), said),
      h("section", {class: "row poster", "aria-label": "More like this"}, h("h4", {}, "More like this"), absent("This row", lacking(exchange, "similar")), h("div", {class: "strip"}, others)));
    return {element, rows: [{id: "play", buttons: start ? [start] : [], left: 0}, {id: "similar", buttons: others, left: 0}], at: 0};
  }

  // Focus.

  const holds = () => screen.contains(document.activeElement);

  function enter(shown) {
    const held = holds();
    view = shown;
    for (const button of view.rows.flatMap((r) => r.buttons)) button.tabIndex = -1;
    screen.replaceChildren(view.element);
    frame.dataset.showing = film ?? "home";
    if (view.rows[view.at]?.state !== "shell" && !current()) view.at = Math.max(0, view.rows.findIndex((r) => r.buttons.length > 0));
    if (held && !current()) screen.focus();
    settle(held);
  }

  /** The button that has the focus, or will have it. */
  function current() {
    const row = view.rows[view.at];
    return row?.buttons[Math.min(row.left, row.buttons.length - 1)];
  }

  function settle(focus) {
    const button = current();
    for (const old of screen.querySelectorAll(".focus")) {
      if (old === button) continue;
      old.classList.remove("focus");
      old.tabIndex = -1;
    }
    if (button) {
      button.classList.add("focus");
      button.tabIndex = 0;
      if (focus) button.focus({preventScroll: true});
      reveal(button);
    }
    fill();
  }

  /** Moves rows and strips so that the focus stays near the upper left. */
  function reveal(button) {
    const rows = button.closest(".rows");
    const strip = button.closest(".strip");
    strip?.scrollTo({left: button.offsetLeft - strip.clientWidth * 0.05});
    const uppermost = view.rows.slice(0, view.at).every((r) => r.buttons.length === 0); // what is said above it is seen too
    rows?.scrollTo({top: uppermost ? 0 : Math.max(0, button.closest(".row").offsetTop - rows.clientHeight * 0.08)});
  }

  function vertical(step) {
    let to = view.at + step;
    while (view.rows[to]?.buttons.length === 0) to += step;
    if (!view.rows[to]) return fill();
    view.at = to;
    settle(true);
  }

  function horizontal(step) {
    const row = view.rows[view.at];
    if (!current()) return fill();
    row.left = Math.max(0, Math.min(row.buttons.indexOf(current()) + step, row.buttons.length - 1));
    settle(true);
  }

  function open(id) {
    film = id;
    load();
    hub.opened(id);
  }

  /** Back from a film is where one was: the set still has it. */
  function leave() {
    film = null;
    if (home) next(async () => home, enter);
    else load();
  }

  function back() {
    if (!film) return;
    leave();
    hub.opened(null);
  }

  const keys = {
    ArrowUp: () => vertical(-1), ArrowDown: () => vertical(1), ArrowLeft: () => horizontal(-1), ArrowRight: () => horizontal(1),
    Enter: () => current()?.click(), Escape: back, Backspace: back,
  };

  screen.addEventListener("keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    keys[e.key]();
  });
  // Whatever gets the focus in another way, by mouse or Tab, is where the arrows go on.
  screen.addEventListener("focusin", ({target}) => {
    const at = view.rows.findIndex((r) => r.buttons.includes(target));
    if (at < 0 || target === current()) return;
    view.at = at;
    view.rows[at].left = view.rows[at].buttons.indexOf(target);
    settle(false);
  });
  for (const button of frame.querySelectorAll("[data-key]")) button.addEventListener("click", () => keys[button.dataset.key]());

  return {
    reload() {
      if (film) home = null; // what it was made of may have changed
      return load();
    },
    home() {
      film = home = null;
      return load();
    },
    show(id) {
      if (id === film) return;
      if (id === null) return leave();
      film = id;
      load();
    },
  };
}
