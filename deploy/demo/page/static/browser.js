// The browser window: the web app in a frame, on its gateway's own origin. It
// measures itself and says so; the services' side is looked up by its trace.

import * as api from "./api.js";
import {h} from "./dom.js";
import {trouble} from "./screen.js";

const patience = 5000; // milliseconds until an app that says nothing is not there

export function browser(frame, hub, {gateway, origin}) {
  const view = frame.querySelector(".view");
  const address = frame.querySelector(".address");
  let window_ = null; // the app's frame
  let ready = false;
  let film = null;
  let wish = 0; // counts what is asked of the app; what answers an older wish is not heard
  let exchanges = 0;
  let timer = 0;

  function load() {
    ready = false;
    wish = 0;
    const query = new URLSearchParams({as: hub.user(), ...(film && {film})});
    window_ = h("iframe", {title: "The film store in a browser", src: `${origin}/?${query}`});
    view.replaceChildren(window_);
    view.setAttribute("aria-busy", "true");
    clearTimeout(timer);
    timer = setTimeout(() => {
      const problem = {status: 0, code: "no-answer", detail: `The web app does not come from ${gateway} at ${origin}.`};
      view.replaceChildren(trouble(problem, load));
      view.removeAttribute("aria-busy");
      hub.measured(null, problem);
    }, patience);
  }

  function post() {
    if (!ready) return load();
    view.setAttribute("aria-busy", "true");
    window_.contentWindow.postMessage({triptych: 1, type: "show", user: hub.user(), film, wish: ++wish}, origin);
  }

  const heard = {
    ready() {
      ready = true;
      clearTimeout(timer);
    },
    opened(message) {
      film = typeof message.film === "string" ? message.film : null;
      hub.opened(film);
    },
    async exchange(message) {
      if (message.wish !== wish) return;
      const mine = ++exchanges;
      frame.dataset.showing = message.film ?? "home";
      address.textContent = new URL(origin).host + (message.film ? `/?film=${message.film}` : "/");
      let {problem = null} = message, services = null;
      try {
        if (!problem) services = await api.trace(message.trace);
      } catch (refusal) {
        problem = refusal;
      }
      if (mine !== exchanges || message.wish !== wish) return;
      view.removeAttribute("aria-busy");
      hub.measured(problem ? null : {...message, wire: {head: null, ...message.wire}, services}, problem);
    },
  };

  addEventListener("message", (event) => {
    if (event.origin !== origin || event.source !== window_?.contentWindow || event.data?.triptych !== 1) return;
    heard[event.data.type]?.(event.data);
  });

  return {
    load,
    reload: post,
    home() {
      film = null;
      post();
    },
    show(id) {
      if (id === film) return;
      film = id;
      post();
    },
  };
}
