// The two pages.

import {day, h, line, money, picture} from "./dom.js";

/** What is not there is said quietly where it would stand. */
function absent(exchange, part, what) {
  return exchange.missing.some((m) => m.part === part) && h("p", {class: "absent", data: {part}}, `${what} cannot be shown right now.`);
}

function section(heading, content, missing) {
  if (!missing && !content) return null;
  return h("section", {}, h("h2", {}, heading), missing, content);
}

const shelf = (items) => items.length > 0 && h("ul", {class: "shelf"}, items.map((i) => h("li", {}, i)));

export const address = (user, film) => `/?${new URLSearchParams({as: user, ...(film && {film})})}`;

function card(user, film, ...more) {
  return h("a", {class: "film", href: address(user, film.id), data: {film: film.id}}, picture(film, "poster", 240, line(film.title, film.year)), ...more);
}

const stars = (rating) => h("span", {class: "stars", role: "img", "aria-label": `${rating} of 10`}, `★ ${rating}`);
const score = ({imdb} = {}) => imdb && `★ ${imdb.score.toFixed(1)}`;

// The start page.

export function home(page, exchange) {
  const user = page.user.id;
  const picks = (page.recommendations?.items ?? []).filter((r) => r.film);
  const [first, ...others] = picks;
  const begun = (page.continue?.items ?? []).filter((o) => o.film);
  return [
    h("h1", {tabindex: -1}, `Good evening, ${page.user.first_name}`),
    first && h("a", {class: "hero", href: address(user, first.film.id), data: {film: first.film.id}},
      picture(first.film, "hero", 1920, line(first.film.title, first.film.year)), h("span", {}, h("b", {}, "Tonight"), first.reason)),
    section("Continue watching", shelf(begun.map((o) => h("a", {class: "still", href: address(user, o.film_id), data: {film: o.film_id}},
      picture(o.film, "landscape", 416, o.title), bar(o.progress?.percent ?? 0, o.title), h("small", {}, line(o.expires_at && `until ${day(o.expires_at)}`))))), absent(exchange, "continue", "What you have begun")),
    section("For you", shelf(others.map(({film, reason}) => card(user, film, h("small", {}, reason)))), absent(exchange, "recommendations", "What you may like")),
    section("The best of all time", shelf((page.best?.items ?? []).map((film) => card(user, film, h("small", {}, line(film.year, score(film.ratings)))))), absent(exchange, "best", "The best of all time")),
    section("What you said", (page.reviews?.items ?? []).length > 0 && h("ul", {class: "said"}, page.reviews.items.map((r) => h("li", {},
      h("a", {href: address(user, r.film_id), data: {film: r.film_id}}, line(r.film_title, r.film_year)), stars(r.rating), h("b", {}, r.title), h("p", {}, r.body)))), absent(exchange, "reviews", "What you said")),
  ];
}

function bar(percent, title) {
  return percent > 0 && h("progress", {max: 100, value: percent, "aria-label": `${title}: ${percent} % watched`});
}

// The page of a film.

export function film(page, exchange, user) {
  const f = page.film;
  return [
    h("p", {class: "path"}, h("a", {href: address(user, null)}, "‹ All films")),
    h("article", {class: "film-page", data: {film: f.id}},
      picture(f, "poster", 480, ""),
      h("div", {},
        h("h1", {tabindex: -1}, f.title),
        h("p", {class: "facts"}, line(f.year, f.genre, f.mpaa_rating, f.running_time_min && `${f.running_time_min} min`)),
        ratings(f.ratings),
        h("p", {}, f.summary),
        watched(page.watch, f), absent(exchange, "watch", "How far you have watched"),
        owned(page.mine), absent(exchange, "mine", "What you have of this film"),
        offers(f.offers ?? []),
        facts(f))),
    section("What others say", page.reviews && reviews(page.reviews), absent(exchange, "reviews", "What others say")),
    section("More like this", shelf((page.similar?.items ?? []).filter((s) => s.film).map((s) => card(user, s.film, h("small", {}, s.reason)))), absent(exchange, "similar", "What is like this")),
  ];
}

function ratings({imdb, rotten_tomatoes: tomatoes} = {}) {
  if (!imdb && tomatoes === undefined) return null;
  return h("p", {class: "ratings"},
    imdb && h("span", {}, h("b", {}, `★ ${imdb.score.toFixed(1)}`), ` from ${imdb.votes.toLocaleString("en-GB")} votes`),
    tomatoes !== undefined && h("span", {}, h("b", {}, `${tomatoes} %`), " of critics"));
}

function watched(watch, film) {
  if (!watch?.percent) return null;
  const left = Math.round((watch.duration_s - watch.position_s) / 60);
  return h("p", {class: "watched"}, bar(watch.percent, film.title), h("small", {}, watch.finished ? "You have seen it." : `${left} minutes left`));
}

function owned(mine) {
  const playable = (mine?.items ?? []).filter((o) => o.playable);
  return playable.length > 0 && h("p", {class: "owned"}, playable[0].kind === "purchase" ? "You own this film." : `You have rented it until ${day(playable[0].expires_at)}.`);
}

function offers(list) {
  const kinds = [["rental", "Rent"], ["purchase", "Buy"]].filter(([kind]) => list.some((o) => o.kind === kind));
  return h("dl", {class: "offers"}, kinds.map(([kind, word]) => h("div", {}, h("dt", {}, word),
    list.filter((o) => o.kind === kind).map((o) => h("dd", {}, h("b", {}, money(o.price)), ` ${o.quality.toUpperCase()}`)))));
}

function facts(f) {
  const millions = (n) => n && `$${(n / 1e6).toLocaleString("en-GB", {maximumFractionDigits: 1})} million`;
  const rows = [
    ["Director", f.director], ["Distributor", f.distributor], ["Released", f.release_date && day(f.release_date)], ["Based on", f.source],
    ["Made for", millions(f.production_budget_usd)], ["Earned worldwide", millions(f.worldwide_gross_usd)],
    ["Spoken", f.audio?.map((t) => t.label).join(", ")], ["Subtitles", f.subtitles?.map((t) => t.label).join(", ")],
  ];
  return h("dl", {class: "more"}, rows.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function reviews({total, summary, items}) {
  return h("div", {},
    h("p", {class: "facts"}, total === 0 ? "Nobody has said anything yet." : line(`★ ${summary.average} on average`, `${summary.count} ${summary.count === 1 ? "review" : "reviews"}`)),
    h("ul", {class: "said"}, items.map((r) => h("li", {}, h("b", {}, r.title), stars(r.rating), h("p", {}, r.body), h("small", {}, line(r.author?.name, day(r.created_at), r.helpful > 0 && `${r.helpful} found it helpful`))))));
}

/** What stands where the page would. */
export function trouble(problem, again) {
  const heading = problem.status === 404 ? "There is no such film" : "The store is not open right now";
  return [h("div", {class: "problem"},
    h("h1", {tabindex: -1}, heading), problem.detail && h("p", {}, problem.detail),
    h("p", {class: "code"}, [problem.status || "", problem.code].join(" ").trim()),
    h("button", {type: "button", on: {click: again}}, "Try again"))];
}
