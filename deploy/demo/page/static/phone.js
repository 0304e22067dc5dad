// The phone: touch. It asks its gateway once a screen.

import * as api from "./api.js";
import {h, left, line, moment, money, picture, progress} from "./dom.js";
import {absent, trouble, turns} from "./screen.js";
import {lacking, refusalOf} from "./words.js";

const home = {name: "home"};
const paths = {home: () => "/v1/home", rentals: () => "/v1/rentals", film: ({film}) => `/v1/films/${encodeURIComponent(film)}`};

/** Makes the frame a phone. `hub` has the user, hears which film is opened, and measures. */
export function phone(frame, hub) {
  const screen = frame.querySelector(".screen");
  const tabs = [...frame.querySelectorAll("[data-place]")];
  const next = turns(screen);
  let at = home;
  let before = home;

  function go(place) {
    if (at.name !== "film") before = at;
    at = place;
    return load();
  }

  function load() {
    const place = at;
    for (const tab of tabs) {
      if (tab.dataset.place === place.name) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    return next(() => api.request("phone", hub.user(), "GET", paths[place.name](place)), (exchange, problem) => {
      hub.measured(exchange, problem);
      const failed = problem ?? (exchange.status >= 400 ? {status: exchange.status, ...exchange.body} : null);
      const held = screen.contains(document.activeElement);
      const now = place.film ?? place.name;
      const top = now === frame.dataset.showing ? screen.scrollTop : 0; // what is asked for again stays where it is
      screen.replaceChildren(...[failed ? trouble(failed, load) : views[place.name](exchange.body, exchange), place.name === "film" && failed && back()].filter(Boolean));
      screen.scrollTop = top;
      if (held) focus(frame.dataset.showing);
      frame.dataset.showing = now;
    });
  }

  /** Who uses keys stays on the screen: on the film that was left, or where the place begins. */
  function focus(left) {
    const button = screen.querySelector(`button[data-film="${CSS.escape(left)}"]`) ?? screen.querySelector("button") ?? screen;
    button.focus();
  }

  // What the finger does: open a film, go back.
  function open(film) {
    go({name: "film", film});
    hub.opened(film);
  }
  function leave() {
    if (at.name !== "film") return;
    go(before);
    hub.opened(null);
  }
  function film({id, title, year, poster}, ...more) {
    return h("li", {}, h("button", {type: "button", class: "film", data: {film: id}, on: {click: () => open(id)}}, picture(poster, line(title, year), {width: 108, height: 162}), ...more));
  }
  const back = () => h("button", {type: "button", class: "back", "aria-label": "Back", on: {click: leave}}, "‹");
  const shelf = (heading, items, missing) => (items.length > 0 || missing) && h("section", {}, h("h3", {}, heading), absent("This shelf", missing), items.length > 0 && h("ul", {class: "shelf"}, items));

  const views = {
    home({user, rentals, picks}, exchange) {
      return h("div", {},
        h("p", {class: "hello"}, "Good evening, ", h("b", {}, user.name)),
        shelf("Keep watching", (rentals?.items ?? []).map((r) => h("li", {},
          h("button", {type: "button", class: "begun", data: {film: r.film_id}, on: {click: () => open(r.film_id)}},
            h("b", {}, r.title), h("span", {}, `until ${moment(r.expires_at)}`), progress(r.percent, r.title)))), lacking(exchange, "rentals")),
        shelf("For you", (picks?.items ?? []).filter((p) => p.film).map((p) => film(p.film, h("span", {class: "reason"}, p.reason))), lacking(exchange, "picks")));
    },

    rentals({rentals}) {
      return h("div", {class: "rentals"}, h("h3", {}, "Your rentals"),
        rentals.items.length === 0 && h("p", {class: "absent"}, "Nothing is rented."),
        h("ul", {}, rentals.items.map((r) => h("li", {},
          h("button", {type: "button", class: "rental", data: {film: r.film_id}, on: {click: () => open(r.film_id)}},
            r.film?.poster ? picture(r.film.poster, "", {width: 44, height: 66}) : h("i", {}),
            h("span", {}, h("b", {}, r.title), h("small", {}, `until ${moment(r.expires_at)}`), progress(r.percent, r.title)))))));
    },

    film({film: f, watch, opinions, similar}, exchange) {
      const rental = (f.offers ?? []).find((o) => o.kind === "rental" && o.quality === "hd");
      const result = h("p", {class: "result", role: "status"});
      return h("article", {class: "detail", style: {"--color": f.color}}, back(),
        picture(f.poster, "", {class: "poster", width: 116, height: 174}),
        h("h3", {data: {film: f.id}}, f.title),
        h("p", {class: "facts"}, line(f.year, f.genre, f.minutes && `${f.minutes} min`, f.rating && `★ ${f.rating}`)),
        watch?.percent > 0 && h("p", {class: "watch"}, progress(watch.percent, f.title), h("span", {}, left(watch) || "You have seen it.")),
        absent("How far you have watched", lacking(exchange, "watch")),
        rental && h("button", {type: "button", class: "rent", on: {click: (e) => rent(f.id, e.currentTarget, result)}}, `Rent for ${money(rental.price)}`),
        result,
        h("p", {class: "summary"}, f.summary),
        h("section", {}, h("h4", {}, opinions?.count > 0 ? `Others say ★ ${opinions.average.toFixed(1)}` : "Others say"), absent("What others say", lacking(exchange, "opinions")),
          opinions?.count === 0 && h("p", {class: "absent"}, "Nobody has said anything yet."),
          (opinions?.items ?? []).map((o) => h("blockquote", {}, h("p", {}, o.title), h("footer", {}, `${o.author}, ★ ${o.rating}`)))),
        shelf("More like this", (similar?.items ?? []).filter((s) => s.film).map((s) => film(s.film)), lacking(exchange, "similar")));
    },
  };

  async function rent(id, button, result) {
    button.disabled = true;
    result.textContent = "";
    try {
      const exchange = await api.request("phone", hub.user(), "POST", "/v1/rentals", {film_id: id});
      if (result.isConnected) hub.measured(exchange, null);
      if (exchange.status >= 400) throw {status: exchange.status, ...exchange.body};
      const {rental, wallet} = exchange.body;
      button.textContent = "Rented";
      result.textContent = `Yours until ${moment(rental.expires_at)}, for ${money(rental.price)}.` + (wallet ? ` ${money({amount: wallet.balance, currency: wallet.currency})} left in your wallet.` : "");
    } catch (problem) {
      result.textContent = refusalOf(problem);
      button.disabled = problem.status === 409;
    }
  }

  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      const film = at.film;
      go({name: tab.dataset.place});
      if (film) hub.opened(null);
    });
  }
  swipe(screen, leave);
  return {
    reload: load,
    home: () => go(home),
    show(film) {
      if (film) return at.film === film ? null : go({name: "film", film});
      return at.name === "film" ? go(before) : null;
    },
  };
}

/** Calls back when a finger is drawn to the right over what does not itself move sideways. */
function swipe(element, back) {
  let from = null;
  element.addEventListener("touchstart", (e) => {
    from = e.touches.length === 1 && !e.target.closest(".shelf") ? e.touches[0] : null;
  }, {passive: true});
  element.addEventListener("touchend", (e) => {
    const to = e.changedTouches[0];
    if (from && to.clientX - from.clientX > 60 && Math.abs(to.clientY - from.clientY) < 40) back();
    from = null;
  }, {passive: true});
}
