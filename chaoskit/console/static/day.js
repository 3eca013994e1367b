// The day around the step: state in one sentence, agenda, go/no-go, log, action items, coverage.

import { byId, clock, element, renew, tell, word } from "./dom.js";
import { stepOf, table } from "./step.js";

export function drawHead(view) {
  document.title = `${view.halted ? "HALTED · " : ""}${view.title} · game day`;
  tell(byId("title"), view.title);
  tell(byId("purpose"), view.purpose);
  tell(byId("system"), ` · ${view.system} · ${view.date}, ${view.window} ${view.timezone}`);
  tell(byId("state"), sentence(view));
  byId("state").className = view.halted ? "violated" : "";
  document.body.dataset.phase = view.phase;
  drawNames(byId("person"), view, view.you.person, "choose your name");
  drawNames(byId("owner"), view, byId("owner").value, "nobody yet");
}

function drawNames(select, view, chosen, none) {
  const names = [...new Set(Object.values(view.people).flat())];
  const roles = (name) => Object.keys(view.people).filter((role) => view.people[role].includes(name));
  renew(select, names, () => [element("option", { value: "" }, none),
    ...names.map((name) => element("option", { value: name }, `${name} (${roles(name).join(", ")})`))]);
  if (document.activeElement !== select && select.value !== chosen) select.value = chosen;
}

function sentence(view) {
  const step = stepOf(view);
  const place = step ? view.steps.indexOf(step) + 1 : 0;
  if (view.phase === "closed") return "The day is over.";
  if (view.halted) return `HALTED: ${readable(view.halted).replace(/^halted /, "")}`;
  if (view.phase === "opening" && view.decision === "no_go") return "No-go: nothing is injected.";
  if (view.phase === "opening") return "Opening: answer the go/no-go list, then decide.";
  if (view.current) return `Step ${place} of ${view.steps.length} is under way: ${step.title}`;
  if (step) return `Next is step ${place} of ${view.steps.length}: ${step.title}`;
  return "Every step is done. Write down what is left, then close the day.";
}

// A sentence of the tool, with its times as they read on the wall.
function readable(words) {
  return words.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, clock);
}

const STATES = { waiting: "next", next: "next", "under way": "now", ended: "done", skipped: "skipped" };
const OUTCOMES = new Set(["held", "violated", "inconclusive"]);

// A step that came to nothing can be begun again.
const AGAIN = new Set(["halted", "failed", "cut-off", "skipped"]);

export function drawAgenda(view, begin) {
  const leads = view.you.roles.includes("facilitator") && view.phase === "under way" &&
    !view.current && !view.halted;
  const key = [view.steps.map(({ left, ...step }) => step), leads];
  renew(byId("agenda"), key, () => view.steps.map((step) =>
    element("li", { class: step.state === "under way" ? "under-way" : null, "aria-current": step.state === "under way" ? "step" : null },
      element("span", { class: "title" }, step.title),
      outcome(step),
      step.kind && element("span", { class: "under" }, step.kind),
      leads && AGAIN.has(step.how) && element("button", {
        type: "button", class: "small again", "data-place": step.id,
        "aria-label": `Begin again: ${step.title}`, onclick: () => begin(step.id),
      }, "Begin again"))));
  const lines = view.halting.map((text) => element("li", {}, text));
  renew(byId("halting"), view.halting, () => lines);
  byId("halting-part").hidden = lines.length === 0;
}

const BROKEN = { failed: "violated", halted: "violated", "cut-off": "inconclusive" };

function outcome(step) {
  if (step.how && OUTCOMES.has(step.how)) return word(step.how);
  return word(BROKEN[step.how] ?? STATES[step.state], step.how || step.state);
}

export function drawQuestions(view, answer) {
  const may = view.you.can.includes("answer");
  renew(byId("questions"), [view.questions, may], () => view.questions.map((question) =>
    element("li", {},
      element("span", { class: "title" }, question.text),
      word({ yes: "yes", no: "no", open: "unknown" }[question.state], question.state),
      element("span", { class: "under" }, [question.kind === "check" && "checked by the tool",
        question.at && `${question.by} at ${clock(question.at)}`].filter(Boolean).join(" · ")),
      question.why && element("span", { class: "why" }, question.why),
      question.kind === "ask" && may && choice(question, answer))));
}

function choice(question, answer) {
  const button = (value, text) => element("button", {
    type: "button", class: "small", "data-place": `${question.number}-${value}`,
    "aria-pressed": String(question.state === value),
    "aria-label": `${text} to: ${question.text}`, onclick: () => answer(question.number, value),
  }, text);
  return element("span", { class: "choice" }, button("yes", "Yes"), button("no", "No"));
}

const QUIET = new Set(["opened", "running"]);

// Only what is new is put on top, so that a reader's place stays.
export function drawLog(view) {
  const shown = view.entries.filter((entry) => !QUIET.has(entry.kind));
  const list = byId("log");
  renew(list, shown.map((entry) => entry.n), () => shown.toReversed().map((entry) => logLine(view, entry)));
}

function logLine(view, entry) {
  const step = view.steps.find((one) => one.id === entry.step);
  const text = entry.text === step?.title ? "" : entry.text;
  const question = ["answer", "checked"].includes(entry.kind) &&
    view.questions.find((one) => one.number === entry.item);
  const told = [question && question.text, entry.value, entry.how, text, entry.owner && `owner ${entry.owner}`,
    entry.due && `due ${entry.due}`].filter(Boolean).join(" · ");
  return element("li", { class: `kind-${entry.kind}` },
    element("time", { datetime: entry.at }, clock(entry.at)),
    element("span", {}, element("strong", {}, entry.kind.replace("_", "-")),
      ` ${entry.person}${entry.role ? ` (${entry.role})` : ""}`,
      step ? element("span", { class: "under" }, ` · ${step.title}`) : "",
      told ? element("span", { class: "told" }, told) : ""));
}

export function drawActions(view, close) {
  const may = view.you.can.includes("action_closed");
  byId("actions-part").hidden = view.actions.length === 0;
  renew(byId("actions"), [view.actions, may], () => view.actions.map((action) =>
    element("li", {},
      element("span", { class: "title" }, action.text),
      word(action.closed ? "done" : "next", action.closed ? "closed" : "open"),
      element("span", { class: "under" }, [action.owner || "no owner", action.due && `due ${action.due}`,
        action.carried && "from an earlier day"].filter(Boolean).join(" · ")),
      !action.closed && may && element("button", {
        type: "button", class: "small", "data-place": action.id,
        "aria-label": `Close: ${action.text}`, onclick: () => close(action.id),
      }, "Close"))));
}

const TROUBLES = ["unavailable", "exhausted", "wrong"];

export function drawCoverage(view) {
  const points = [...new Set(view.coverage.map((cell) => cell.point))];
  renew(byId("coverage"), view.coverage, () => points.length === 0
    ? [element("p", { class: "zero" }, "Nothing was tested yet.")]
    : [table(["Failure point", ...TROUBLES], points.map((point) => element("tr", {},
      element("th", { scope: "row", class: "name" }, point),
      ...TROUBLES.map((trouble) => element("td", {}, cell(view, point, trouble))))), "Coverage map", false)]);
}

function cell(view, point, trouble) {
  const status = view.coverage.find((one) => one.point === point && one.trouble === trouble)?.status;
  if (!status || status === "never tested") return element("span", { class: "zero" }, "not tested");
  return word(status);
}
