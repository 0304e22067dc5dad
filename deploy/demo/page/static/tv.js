// The television: four arrows, OK and Back. The focus is always somewhere, and a row
// remembers where it was left.

import * as api from "./api.js";
import {duration, h, line, picture, progress} from "./dom.js";
import {absent, trouble, turns} from "./screen.js";
import {lacking} from "./words.js";

const near = 2; // rows: a shell is filled when the focus is no farther away
const titles = {hero: "Tonight", continue: "Continue watching", picks: "For you", best: "Best of all time"};

/** Makes the frame a television. */
export function tv(frame, hub) {
  const screen = frame.querySelector(".screen");
  const next = turns(screen);
  let film = null; // the film that is shown, or null for the rows
  let grid = []; // what can have the focus: rows of buttons
  let row = 0;
  let columns = []; // where each row was left, by row
  let kept = null; // row and columns of the rows while a film is shown
  let held = false; // whether the viewer's focus is on the television

  const ask = (path) => api.request("tv", hub.user(), "GET", path);

  function load() {
    const shown = film;
    held = screen.contains(document.activeElement);
    return next(() => ask(shown ? `/v1/films/${encodeURIComponent(shown)}` : "/v1/home"), (exchange, problem) => {
      hub.measured(exchange, problem);
      const failed = problem ?? (exchange.status >= 400 ? {status: exchange.status, ...exchange.body} : null);
      if (failed) fail(failed);
      else if (shown) drawFilm(exchange.body, exchange);
      else drawRows(exchange.body, exchange);
      frame.dataset.showing = shown ?? "home";
    });
  }

  function fail(problem) {
    const box = trouble(problem, load);
    screen.replaceChildren(box);
    start([[box.querySelector("button")]], 0, [0]);
  }

  // Rows.

  const card = (layout) => (item) => h("button", {type: "button", class: `card ${layout}`, tabindex: -1, data: {film: item.film_id}, on: {click: () => open(item.film_id)}},
    picture(item.image, line(item.title, item.year)), progress(item.percent, item.title),
    layout === "hero" && h("span", {class: "tonight"}, h("b", {}, "Tonight"), item.reason));

  function drawRows(home, exchange) {
    const list = home.rows.map((r) => {
      const strip = h("div", {class: "strip"}, r.items.map(card(r.layout)));
      return {...r, strip, element: h("section", {class: `row ${r.layout}`, "aria-label": r.title, data: {row: r.id}}, r.layout !== "hero" && h("h3", {}, r.title), strip)};
    });
    const gone = exchange.missing.filter((m) => titles[m.part]).map((m) => h("section", {class: "row"}, h("h3", {}, titles[m.part]), absent(titles[m.part], m)));
    const shells = list.findIndex((r) => r.state === "shell");
    const elements = list.map((r) => r.element);
    elements.splice(shells < 0 ? elements.length : shells, 0, ...gone);
    screen.replaceChildren(h("div", {class: "rows"}, elements));
    rows = list;
    if (list.length === 0 && gone.length === 0) screen.replaceChildren(h("p", {class: "absent"}, "There is nothing on tonight."));
    const first = home.first_focus ?? {row: 0, index: 0};
    const at = kept ?? {row: first.row, columns: Object.assign([], {[first.row]: first.index})};
    kept = null;
    start(list.map((r) => [...r.strip.children]), at.row, at.columns);
  }

  let rows = []; // of the home screen, as they were drawn

  /** Fills the shells near the focus, and asks for what comes behind the end of a row. */
  function fill() {
    if (film) return;
    for (let i = row; i <= Math.min(row + near, rows.length - 1); i++) {
      const shell = rows[i].state === "shell";
      const ending = i === row && rows[i].items.length > 0 && (columns[i] ?? 0) >= grid[i].length - 4;
      if (rows[i].next && !rows[i].asked && (shell || ending)) more(rows[i], i);
    }
  }

  async function more(r, i) {
    r.asked = true;
    const mine = rows;
    let exchange = null, problem = null;
    try {
      exchange = await ask(r.next);
    } catch (e) {
      problem = e;
    }
    if (mine !== rows || film) return;
    hub.measured(exchange, problem);
    if (problem || exchange.status >= 400) {
      r.asked = false; // the next move tries again
      if (grid[i].length === 0) r.strip.replaceChildren(h("p", {class: "absent"}, "This row cannot be filled right now."));
      return;
    }
    if (r.state === "shell") r.strip.replaceChildren();
    r.strip.append(...exchange.body.items.map(card(r.layout)));
    Object.assign(r, {state: "filled", items: [...r.items, ...exchange.body.items], next: exchange.body.next, asked: false});
    grid[i] = [...r.strip.querySelectorAll("button")];
  }

  // One film.

  function drawFilm({film: f, play, similar}, exchange) {
    const said = h("p", {class: "result", role: "status"});
    const begun = play?.percent > 0;
    const start_ = h("button", {type: "button", class: "play", tabindex: -1, on: {click: () => (said.textContent = play?.manifest ? `The set would now play ${play.manifest}` : "")}},
      begun ? `▶ Go on, ${duration(play.duration_s - play.position_s)} left` : "▶ Play");
    const others = (similar?.items ?? []).map(card("poster"));
    const strip = h("div", {class: "strip"}, others);
    screen.replaceChildren(h("article", {class: "detail", data: {film: f.id}},
      picture(f.image, "", {class: "backdrop", loading: "eager"}),
      h("div", {class: "words"},
        h("h3", {}, f.title),
        h("p", {class: "facts"}, line(f.year, f.genre, f.minutes && `${f.minutes} min`, f.rating && `★ ${f.rating}`, f.director)),
        h("p", {class: "summary"}, f.summary),
        play && start_, progress(play?.percent, f.title), absent("Playing", lacking(exchange, "play") ?? lacking(exchange, "manifest")), said),
      h("section", {class: "row poster", "aria-label": "More like this"}, h("h4", {}, "More like this"), absent("More like this", lacking(exchange, "similar")), strip)));
    start([play ? [start_] : [], others], 0, [0, 0]);
  }

  // Focus.

  function start(buttons, at, where) {
    grid = buttons;
    columns = where;
    row = grid[at]?.length > 0 ? at : Math.max(0, grid.findIndex((r) => r.length > 0));
    for (const button of grid.flat()) button.tabIndex = -1;
    settle(held);
  }

  /** The one button of the television that has the focus, or will have it. */
  function current() {
    return grid[row]?.[Math.min(columns[row] ?? 0, grid[row].length - 1)];
  }

  function settle(focus) {
    for (const old of screen.querySelectorAll(".focus")) {
      old.classList.remove("focus");
      old.tabIndex = -1;
    }
    const button = current();
    if (!button) return;
    button.classList.add("focus");
    button.tabIndex = 0;
    if (focus) button.focus({preventScroll: true});
    reveal(button);
    fill();
  }

  /** Moves rows and strips so that the focus stays near the upper left. */
  function reveal(button) {
    const list = screen.querySelector(".rows");
    const strip = button.closest(".strip");
    if (strip) strip.scrollTo({left: button.offsetLeft - strip.clientWidth * 0.05});
    if (list) list.scrollTo({top: Math.max(0, button.closest(".row").offsetTop - list.clientHeight * 0.08)});
  }

  function move(down, right) {
    if (down) {
      let to = row + down;
      while (grid[to]?.length === 0) to += down;
      if (!grid[to]) return;
      row = to;
    } else {
      columns[row] = Math.max(0, Math.min((columns[row] ?? 0) + right, grid[row].length - 1));
    }
    settle(true);
  }

  function open(id) {
    kept = film ? kept : {row, columns};
    film = id;
    load();
    hub.opened(id);
  }

  function back() {
    if (!film) return false;
    film = null;
    load();
    hub.opened(null);
    return true;
  }

  const keys = {
    ArrowUp: () => move(-1, 0), ArrowDown: () => move(1, 0), ArrowLeft: () => move(0, -1), ArrowRight: () => move(0, 1),
    Escape: back, Backspace: back,
    Enter: () => current()?.click(),
  };

  screen.addEventListener("keydown", (e) => {
    if (!keys[e.key] || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    keys[e.key]();
  });
  // Whatever gets the focus in another way, by mouse or Tab, is where the arrows go on.
  screen.addEventListener("focusin", (e) => {
    const at = grid.findIndex((buttons) => buttons.includes(e.target));
    if (at < 0 || e.target === current()) return;
    row = at;
    columns[at] = grid[at].indexOf(e.target);
    settle(false);
  });
  for (const button of frame.querySelectorAll("[data-key]")) button.addEventListener("click", () => keys[button.dataset.key]());

  return {
    reload: load,
    home() {
      film = kept = null;
      return load();
    },
    show(id) {
      if (id === film) return null;
      if (!film) kept = {row, columns};
      film = id;
      return load();
    },
  };
}
