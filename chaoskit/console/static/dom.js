// Builds and renews elements. Text is only ever set as text: nothing here reads HTML.

export const byId = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => ![null, undefined, false, ""].includes(child)));
  return made;
}

// Replaces children only where something changed, so that focus and scroll stay where they are.
export function renew(parent, key, build) {
  const stamp = JSON.stringify(key);
  if (parent.dataset.stamp === stamp) return false;
  parent.dataset.stamp = stamp;
  const place = focusedPlace(parent);
  parent.replaceChildren(...build());
  if (place) parent.querySelector(`[data-place="${CSS.escape(place)}"]`)?.focus();
  return true;
}

function focusedPlace(parent) {
  const active = document.activeElement;
  return active && parent.contains(active) ? active.dataset.place : undefined;
}

// Says a sentence to eyes and screen readers, and nothing twice.
export function tell(place, words) {
  if (place.textContent !== words) place.textContent = words;
  place.hidden = words === "";
}

// A word with its sign: colour is never the only one.
const SIGNS = {
  held: "✓", violated: "✗", inconclusive: "?", over: "✗", unknown: "?", yes: "✓", no: "✗",
  done: "✓", now: "▶", next: "·", skipped: "–",
};

export function word(status, text = status) {
  const sign = element("span", { "aria-hidden": "true" }, SIGNS[status] ?? "·");
  return element("span", { class: `word ${status}` }, sign, ` ${text}`);
}

export function clock(at) {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime()) ? String(at) : moment.toLocaleTimeString("en-GB");
}

export function lasting(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.max(0, Math.ceil(seconds));
  const minutes = Math.floor(whole / 60);
  return minutes ? `${minutes} min ${String(whole % 60).padStart(2, "0")} s` : `${whole} s`;
}
