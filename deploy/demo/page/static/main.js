// The page: three devices, one film store.

import * as api from "./api.js";
import {browser} from "./browser.js";
import {h} from "./dom.js";
import {meters} from "./meter.js";
import {phone} from "./phone.js";
import {switches} from "./services.js";
import {tv} from "./tv.js";

const names = {phone: "Phone", web: "Browser", tv: "Television"};
const $ = (selector) => document.querySelector(selector);
const frames = Object.fromEntries(Object.keys(names).map((name) => [name, $(`[data-device=${name}]`)]));
const meter = meters();

let world;
let user;
let devices = {};
let together = true;

/** What a device has to do with the page around it. */
function hub(name) {
  return {
    user: () => user,
    opened(film) {
      if (!together) return;
      for (const other of Object.keys(devices)) if (other !== name) devices[other].show(film);
    },
    added(exchange) {
      meter.add(frames[name], exchange);
      recount();
    },
    measured(exchange, problem) {
      meter.show(frames[name], exchange, problem);
      if (exchange?.method === "GET") askAgain(name, exchange.status >= 500 || exchange.missing.length > 0);
      say(name, exchange, problem);
      recount();
    },
  };
}

// A gateway notices a moment later that a service is back: a device that lacks
// something although all are well asks again, for as long as that may take.
const mostTries = 12;
const again = Object.fromEntries(Object.keys(names).map((name) => [name, {tries: 0, timer: 0}]));
function askAgain(name, lacks) {
  const mine = again[name];
  clearTimeout(mine.timer);
  if (!lacks) mine.tries = 0;
  if (!lacks || mine.tries >= mostTries) return;
  mine.timer = setTimeout(() => {
    if (!services.well()) return;
    mine.tries++;
    devices[name].reload();
  }, 1000);
}

// What is said to those who do not see: once, when all is quiet.
const sayings = new Map();
let quiet = 0;
function say(name, exchange, problem) {
  const what = exchange ? `status ${exchange.status} after ${Math.round(exchange.ms)} milliseconds` + (exchange.missing.length ? `, without ${exchange.missing.map((m) => m.part).join(" and ")}` : "") : problem.detail || problem.code;
  sayings.set(name, `${names[name]}: ${what}.`);
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    $("#said").textContent = [...sayings.values()].join(" ");
    sayings.clear();
  }, 700);
}

function fail(problem) {
  $("#trouble").replaceChildren(h("p", {}, problem.message || problem.detail), h("button", {type: "button", class: "plain", on: {click: () => $("#trouble").replaceChildren()}}, "Close"));
}

function changed() {
  count++;
  for (const name of Object.keys(devices)) {
    again[name].tries = 0;
    devices[name].reload();
  }
}

const services = switches($("#services"), {changed, failed: fail});

// The counters follow what the devices do. A count that was asked for before
// something else has been changed or counted says nothing any more.
let count = 0;
let counting = 0;
function recount() {
  clearTimeout(counting);
  counting = setTimeout(async () => {
    const mine = ++count;
    try {
      const {services: counted} = await api.world();
      if (mine === count) services.show(counted);
    } catch (problem) {
      fail(problem);
    }
  }, 250);
}

function signIn(id) {
  user = id;
  for (const button of $("#users").children) button.setAttribute("aria-pressed", String(button.dataset.user === id));
}

function drawWorld() {
  for (const [name, {gateway}] of Object.entries(world.devices)) {
    const build = world.gateways[gateway] ?? {};
    frames[name].querySelector(".build").textContent = [gateway, build.version, build.shared && `shared ${build.shared}`].filter(Boolean).join(" · ");
  }
  $("#users").replaceChildren(...world.users.map(({id, name, about}) => h("button", {
    type: "button", title: about, data: {user: id}, on: {click: () => {
      signIn(id);
      for (const device of Object.values(devices)) device.home();
    }},
  }, h("i", {"aria-hidden": "true"}, name[0]), name.split(" ")[0])));
  services.show(world.services);
}

$("#together").addEventListener("click", (event) => {
  together = !together;
  event.currentTarget.setAttribute("aria-checked", String(together));
});

$("#reset").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    const {services: restored} = await api.reset();
    count++;
    services.show(restored);
    for (const device of Object.values(devices)) device.home();
  } catch (problem) {
    fail(problem);
  } finally {
    button.removeAttribute("aria-busy");
  }
});

try {
  world = await api.world();
  drawWorld();
  signIn(world.users[0].id);
  devices = {phone: phone(frames.phone, hub("phone")), web: browser(frames.web, hub("web"), world.devices.web), tv: tv(frames.tv, hub("tv"))};
  devices.phone.reload();
  devices.web.load();
  devices.tv.reload();
} catch (problem) {
  fail(problem);
}
