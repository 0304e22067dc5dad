// The browser app of the film store. It shows what the address says: ?as= is who
// watches, ?film= the film, or without it the start page.

import {load} from "./gateway.js";
import * as views from "./views.js";

const main = document.querySelector("#main");
const frames = document.querySelector("meta[name=frames]").content; // whom we talk with when shown in a frame
const framed = window.parent !== window && frames !== "";

let user = "ada";
let film = null;
let turn = 0; // the newest; an answer to an older one is dropped
let wish = 0; // what the page around us has last wished for, by its own count
let drawn = null; // the address of what is shown

function tell(type, more) {
  if (framed) window.parent.postMessage({triptych: 1, type, ...more}, frames);
}

function readAddress() {
  const query = new URLSearchParams(location.search);
  user = query.get("as") || user;
  film = query.get("film") || null;
}

/** Loads and shows what is wished for. Who has gone there by themselves gets the focus there. */
async function show({focus}) {
  const mine = ++turn;
  const shown = film;
  const path = shown ? `/api/pages/films/${encodeURIComponent(shown)}` : "/api/pages/home";
  const address = views.address(user, shown);
  main.setAttribute("aria-busy", "true");
  let exchange = null, failure = null, content, title = "The film store";
  try {
    const answer = await load(user, path);
    exchange = answer.exchange;
    if (exchange.status >= 400) throw {...answer.body, status: exchange.status};
    content = shown ? views.film(answer.body, exchange, user) : views.home(answer.body, exchange);
    title = answer.body.seo?.title ?? title;
  } catch (problem) {
    content = views.trouble(problem, () => show({focus: true}));
    failure = {status: problem.status ?? 0, code: problem.code ?? "failed", detail: problem.detail ?? String(problem)};
  }
  if (mine !== turn) return;
  main.removeAttribute("aria-busy");
  main.replaceChildren(...content.filter(Boolean));
  document.title = title;
  document.querySelector("#who").textContent = user;
  document.querySelector(".home").href = views.address(user, null);
  if (address !== drawn) scrollTo(0, 0); // what is asked for again stays where it is
  drawn = address;
  if (focus) main.querySelector("h1").focus({preventScroll: true});
  tell("exchange", {wish, film: shown, ...(exchange ?? {problem: failure})});
}

// Links lead to pages of this app, without loading it again.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || link.origin !== location.origin || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  readAddress();
  tell("opened", {film});
  show({focus: true});
});

addEventListener("popstate", () => {
  readAddress();
  tell("opened", {film});
  show({focus: true});
});

addEventListener("message", ({origin, source, data}) => {
  if (!framed || origin !== frames || source !== window.parent || data?.triptych !== 1 || data.type !== "show") return;
  wish = data.wish;
  history.replaceState(null, "", views.address(data.user, data.film));
  readAddress();
  show({focus: false});
});

readAddress();
tell("ready");
show({focus: false});
