// The switches: what a service behind the gateways does.

import * as api from "./api.js";
import {bytes, h} from "./dom.js";

const slowness = "1.1s"; // longer than the phone waits for a screen, shorter than the others wait for recommendations

const actions = {
  restore: {label: "Well", title: "answers at once", to: {state: "up", latency: "0s", failure: "none"}},
  slow: {label: "Slow", title: `answers ${slowness} late`, to: {state: "up", latency: slowness, failure: "none"}},
  break: {label: "Broken", title: "answers with errors", to: {state: "up", latency: "0s", failure: "error"}},
  stop: {label: "Stopped", title: "does not run", to: {state: "stopped"}},
};

/** Which of the actions has made the service what it is. */
function actionOf({state, latency, failure}) {
  if (state !== "up") return "stop";
  if (failure !== "none") return "break";
  return latency === "0s" ? "restore" : "slow";
}

/** Draws the services into a list. `changed` is called when one of them has become another. */
export function switches(list, {changed, failed}) {
  const cards = new Map();

  function card(name) {
    const buttons = Object.entries(actions).map(([action, {label, title}]) => h("button", {type: "button", title: `${name} ${title}`, data: {service: name, action}, on: {click: () => turn(name, action)}}, label));
    const counts = h("p", {class: "counts"});
    const element = h("li", {class: "service"}, h("h3", {}, name), counts, h("div", {class: "choice", role: "group", "aria-label": name}, buttons));
    list.append(element);
    return {element, buttons, counts};
  }

  function show(service) {
    if (!cards.has(service.name)) cards.set(service.name, card(service.name));
    const {element, buttons, counts} = cards.get(service.name);
    const now = actionOf(service);
    element.dataset.state = now;
    counts.textContent = service.protocol + (service.state === "up" ? ` · ${service.requests} ${service.requests === 1 ? "answer" : "answers"}, ${bytes(service.bytes)}` : " · no process");
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.action === now));
  }

  async function turn(name, action) {
    const {element} = cards.get(name);
    if (element.hasAttribute("aria-busy")) return;
    element.setAttribute("aria-busy", "true");
    try {
      show(await api.change(name, actions[action].to));
      changed();
    } catch (problem) {
      failed(problem);
    } finally {
      element.removeAttribute("aria-busy");
    }
  }

  return {
    show: (services) => services.forEach(show),
    well: () => [...cards.values()].every(({element}) => element.dataset.state === "restore"),
  };
}
