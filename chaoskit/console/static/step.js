// The step that is under way or comes next, what is in force, and the series against their bounds.

import { byId, clock, element, lasting, renew, word } from "./dom.js";
import { sparkline } from "./chart.js";

export function drawNow(view) {
  const step = stepOf(view);
  renew(byId("step"), [step, view.phase, view.steps.length], () => (step ? card(view, step) : [
    element("p", {}, view.phase === "closed" ? "The day is over." : "Every step is done."),
  ]));
  renew(byId("told"), step && [step.predictions, step.seen, step.mitigated, step.alerts], () =>
    step ? [
      ...step.predictions.map((said) => line("predicted", said)),
      ...step.alerts.map((said) => line("the system's own alert", said)),
      ...step.seen.map((said) => line("seen", said)),
      ...step.mitigated.map((said) => line("mitigated", said)),
    ] : []);
}

export function stepOf(view) {
  const id = view.current || view.next;
  return view.steps.find((step) => step.id === id);
}

function card(view, step) {
  const place = view.steps.indexOf(step) + 1;
  const underWay = step.state === "under way";
  const state = underWay ? `under way since ${clock(step.begun)}` : "comes next";
  return [
    element("p", { class: "eyebrow" },
      `Step ${place} of ${view.steps.length}${step.kind ? ` · ${step.kind}` : ""} · ${state}`),
    element("h3", {}, step.title),
    step.what && element("p", {}, element("code", {}, step.what)),
    step.expect && element("p", {}, element("span", { class: "label" }, "Expected "), step.expect),
    step.hidden && element("p", { class: "under" }, "Blind: only the facilitator knows what comes."),
    step.busy && element("p", { class: "under" }, "chaoskit is at work in this step."),
    step.left !== null && element("p", {}, "Break ends in ", countdown(step.left)),
    step.result && element("p", {}, element("span", { class: "label" }, "So far "), step.result),
  ].filter(Boolean);
}

function line(what, said) {
  const after = said.after === null || said.after === undefined ? "" : `, ${lasting(said.after)} in`;
  return element("li", {},
    element("strong", {}, what), said.person ? ` by ${said.person}` : "",
    element("span", { class: "under" }, ` at ${clock(said.at)}${after}`),
    said.text ? element("q", {}, said.text) : "");
}

export function drawForce(view) {
  const place = byId("injected");
  place.classList.toggle("active", view.injected.length > 0);
  // What runs down does so on its own: the list is built anew only when something else changes.
  renew(place, view.injected.map(({ left, ...rest }) => [rest, left === null]), () =>
    view.injected.length === 0 ? [element("li", { class: "zero" }, "Nothing is injected.")]
      : view.injected.map((one, index) => element("li", {},
        element("strong", {}, one.what),
        element("span", {}, " ", one.proven ? word("held", "proven in force")
          : word("unknown", "not proven yet")),
        element("span", { class: "left", "data-left": `force-${index}`, "data-open": one.left === null },
          one.left === null ? "until it is released" : ""),
        element("span", { class: "under" }, `since ${clock(one.since)}`))));
  view.injected.forEach((one, index) => count(`force-${index}`, one.left, " left"));
}

const ends = new Map(); // what counts down: name of the place -> [end in local milliseconds, suffix]

function countdown(left) {
  count("break", left, "");
  return element("span", { "data-left": "break" }, lasting(left));
}

function count(name, left, suffix) {
  if (left === null) ends.delete(name);
  else ends.set(name, [performance.now() + left * 1000, suffix]);
  tick();
}

export function tick() {
  for (const place of document.querySelectorAll("[data-left]")) {
    const [end, suffix] = ends.get(place.dataset.left) ?? [];
    if (end !== undefined) place.textContent = `${lasting((end - performance.now()) / 1000)}${suffix}`;
  }
}

export function drawLive(view) {
  const live = view.live;
  renew(byId("series"), live, () => (live ? [
    element("p", { class: "under" }, phase(live)),
    ...bounds(live),
    live.history.length > 1 && element("div", { class: "charts" },
      sparkline("Success", live.history.map(([t, success]) => [t, success]), percent, 1),
      sparkline("p95", live.history.map(([t, , p95]) => [t, p95]), latency)),
    figures(live.figures),
  ].filter(Boolean) : [element("p", { class: "zero" }, "No run is on.")]));
}

function phase(live) {
  const left = live.left === null ? "" : `, ${lasting(live.left)} left`;
  const note = live.note ? ` · ${live.note}` : "";
  return `${live.phase} phase, ${lasting(live.elapsed)} in${left}${note}`;
}

function bounds(live) {
  if (live.bounds.length === 0) return [];
  const rows = live.bounds.map((bound) => element("tr", {},
    element("td", {}, kept(bound.kept)),
    element("td", { class: "name" }, element("code", {}, bound.expectation)),
    element("td", { class: "n" }, element("strong", {}, bound.observed || "–"))));
  return [table(["", "Bound", "Last 5 s"], rows, "Bounds and what the last seconds say", false)];
}

function kept(value) {
  if (value === null) return word("unknown", "no figure");
  return value ? word("held") : word("over");
}

function figures(rows) {
  if (rows.length === 0) return null;
  return table(["Series", "Success", "Degraded", "Failed", "p95", "Rate"], rows.map((row) =>
    element("tr", {},
      element("td", { class: "name" }, row.series === "all" ? "all requests" : row.series),
      ...[share(row.ok + row.degraded, row.planned, Math.floor),
        share(row.degraded, row.planned, Math.ceil), share(row.failed, row.planned, Math.ceil),
        latency(row.p95), `${row.rate.toFixed(1)}/s`,
      ].map((text) => element("td", { class: "n" }, text)))), "Figures of the last seconds");
}

export function table(heads, rows, label, numbers = heads.length > 3) {
  return element("div", { class: "scroll" }, element("table", { "aria-label": label },
    element("thead", {}, element("tr", {}, ...heads.map((head, index) =>
      element("th", { scope: "col", class: index && numbers ? "n" : null }, head)))),
    element("tbody", {}, ...rows)));
}

// A share is never rounded towards the better side.
function share(part, whole, round) {
  return whole ? `${round((part / whole) * 1000) / 10} %` : "–";
}

const percent = (value) => `${Math.floor(value * 1000) / 10} %`;

function latency(value) {
  if (value === null || value === undefined) return "–";
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toPrecision(3)} s`;
}
