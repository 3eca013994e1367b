// The console's page: draws each view that comes and sends what people do.
// The halt asks nothing back, needs no name, and tries again until it has arrived.

import { byId, clock, element, renew, tell } from "./dom.js";
import { drawActions, drawAgenda, drawCoverage, drawHead, drawLog, drawQuestions } from "./day.js";
import { drawForce, drawLive, drawNow, tick } from "./step.js";
import { send, Stream } from "./stream.js";

const REST = "Halt puts everything back at once. Anyone may press it.";
const LIFT = "Nothing is injected until the halt is lifted (chaoskit halt --lift) and go is said again.";
const NAME_COOKIE = "chaoskit-name";
const HALT_PATIENCE = 5000; // milliseconds that one try may take
let view = null;
let halting = false;
let person = remembered();

if (location.search) history.replaceState(null, "", "/"); // the token stays out of the history
const stream = new Stream(draw, (words) => tell(byId("connection"), words));
stream.follow(person);
setInterval(tick, 250);

function draw(next) {
  view = next;
  if (!halting) tell(byId("halt-told"), view.halted ? LIFT : REST);
  drawHead(view);
  drawNow(view);
  drawForce(view);
  drawLive(view);
  drawAgenda(view, (step) => say("begin", { step }));
  drawQuestions(view, (item, value) => say("answer", { item, value }));
  drawDecision();
  drawDoors();
  drawLog(view);
  drawActions(view, (item) => say("action_closed", { item }));
  drawCoverage(view);
}

const can = (door) => view !== null && view.you.can.includes(door);

function drawDecision() {
  const words = { "": "Not decided yet.", go: "✓ Go.", no_go: "✗ No-go." };
  tell(byId("decision"), words[view.decision]);
  // Go is offered before every answer is yes: pressed, it makes the checks and says what is left.
  byId("decide").hidden = !can("no_go");
  byId("check").hidden = !can("check");
}

// What may be done now, by this person: the server decides, the page only shows it.
function drawDoors() {
  byId("prediction").hidden = !can("prediction") || view.current !== "" || view.next === "";
  byId("noticed").hidden = !can("seen") && !can("mitigated");
  byId("seen").hidden = !can("seen");
  byId("mitigated").hidden = !can("mitigated");
  byId("speak").hidden = !["note", "finding", "action"].some(can);
  const deeds = [
    ["begin", "Begin step", { step: view.next }],
    ["skip", "Skip it", {}],
    ["release", "Release: put it back", {}],
    ["end", "End step", {}],
    ["closed", "Close the day", {}],
  ].filter(([door]) => can(door) && (door !== "closed" || view.next === ""));
  renew(byId("conduct"), deeds, () => deeds.map(([door, text, fields]) => element("button", {
    type: "button", "data-place": door, onclick: (event) => once(event.target, () => say(door, fields)),
  }, text)));
}

async function act(path, fields) {
  const refused = await send(path, { person, ...fields });
  tell(byId("refused"), refused);
  return refused === "";
}

const say = (kind, fields = {}) => act("/say", { kind, ...fields });

// Putting back takes a moment: the button shows that it was pressed.
async function once(button, deed) {
  button.disabled = true;
  await deed();
  button.disabled = false;
}

async function halt() {
  const pressed = new Date();
  halting = true;
  tell(byId("halt-told"), "Halting …");
  for (;;) {
    const told = { person: person || "somebody", why: "pressed halt in the console" };
    const refused = await send("/halt", told, HALT_PATIENCE);
    if (refused === "") break;
    tell(byId("halt-told"), `THE HALT HAS NOT ARRIVED: ${refused} Trying again. In a terminal: chaoskit halt`);
    await new Promise((again) => setTimeout(again, 1000));
  }
  tell(byId("halt-told"), `Halt has arrived, pressed at ${clock(pressed)}. Everything is being put back.`);
  setTimeout(() => { halting = false; }, 10_000);
}

function remembered() {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`${NAME_COOKIE}=`));
  return found ? decodeURIComponent(found.slice(NAME_COOKIE.length + 1)) : "";
}

function choose(name) {
  person = name;
  document.cookie = `${NAME_COOKIE}=${encodeURIComponent(name)}; SameSite=Strict; path=/; max-age=86400`;
  stream.follow(person);
}

// What was typed stays where it is until it has been taken.
function onSubmit(form, speak) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await speak(Object.fromEntries(new FormData(form)))) form.reset();
    form.dispatchEvent(new Event("change"));
  });
}

byId("halt").addEventListener("click", halt);
document.addEventListener("keydown", (event) => {
  if (event.code !== "KeyH" || !event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
  event.preventDefault();
  halt();
});
byId("person").addEventListener("change", (event) => choose(event.target.value));
byId("go").addEventListener("click", () => say("go"));
byId("check").addEventListener("click", () => say("check"));
byId("seen").addEventListener("click", () => say("seen"));
byId("mitigated").addEventListener("click", () => say("mitigated"));
byId("words").addEventListener("change", () => {
  const kind = byId("words").elements.kind.value;
  byId("action-fields").hidden = kind !== "action";
});
onSubmit(byId("decide"), ({ text }) => say("no_go", { text }));
onSubmit(byId("prediction"), ({ text }) => say("prediction", { step: view.next, text }));
onSubmit(byId("words"), ({ kind, text, owner, due }) =>
  say(kind, kind === "action" ? { text, owner, due } : { text }));
