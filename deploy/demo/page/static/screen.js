// A device's screen: shows one place at a time, and what came of asking for it.

import {h} from "./dom.js";
import {troubleOf} from "./words.js";

/** What is not there is said quietly where it would stand. */
export function absent(what, missing) {
  return missing && h("p", {class: "absent", data: {part: missing.part}}, `${what} cannot be shown right now.`);
}

/** What stands where the whole screen would. */
export function trouble(problem, again) {
  const {heading, detail, code} = troubleOf(problem);
  return h("div", {class: "problem", role: "group", "aria-label": "Problem"},
    h("h3", {}, heading), detail && h("p", {}, detail), h("p", {class: "code"}, code),
    h("button", {type: "button", on: {click: again}}, "Try again"));
}

/**
 * Asks and draws; only the newest wish counts. An answer that comes when something
 * else is wanted already is dropped.
 */
export function turns(root) {
  let turn = 0;
  return async function next(ask, draw) {
    const mine = ++turn;
    root.setAttribute("aria-busy", "true");
    try {
      const answer = await ask();
      if (mine === turn) draw(answer, null);
    } catch (problem) {
      if (mine === turn) draw(null, problem);
    } finally {
      if (mine === turn) root.removeAttribute("aria-busy");
    }
  };
}
