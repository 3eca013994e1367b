// One line over time as a small SVG, with its last value in words beside it.

import { element } from "./dom.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, MARGIN] = [320, 56, 3];

// `points` are [seconds, value or null]; a null is a gap. `top` fixes the upper end of the scale.
export function sparkline(name, points, format, top = null) {
  const known = points.filter(([, value]) => value !== null);
  if (known.length === 0) return element("p", { class: "zero" }, `${name}: no figure yet`);
  const values = known.map(([, value]) => value);
  const [low, high] = [0, (top ?? Math.max(...values) * 1.1) || 1];
  const last = format(values.at(-1));
  const range = `from ${format(Math.min(...values))} to ${format(Math.max(...values))}`;
  return element("div", { class: "chart" },
    element("span", { class: "label" }, name),
    element("span", { class: "value" }, last),
    picture(`${name}, now ${last}, ${range}`, trace(points, low, high)),
    element("span", { class: "under" }, range));
}

function trace(points, low, high) {
  const [first, last] = [points[0][0], points.at(-1)[0]];
  const x = (t) => MARGIN + ((t - first) / (last - first || 1)) * (WIDTH - 2 * MARGIN);
  const y = (v) => HEIGHT - MARGIN - ((v - low) / (high - low || 1)) * (HEIGHT - 2 * MARGIN);
  let pen = "M";
  return points.map(([t, value]) => {
    if (value === null) {
      pen = "M";
      return "";
    }
    const step = `${pen}${x(t).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
    return step;
  }).join("");
}

function picture(label, path) {
  const svg = document.createElementNS(NAMESPACE, "svg");
  const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label,
    preserveAspectRatio: "none" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const line = document.createElementNS(NAMESPACE, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
