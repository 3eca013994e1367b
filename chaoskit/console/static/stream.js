// What crosses the network: the view comes as server-sent events, what people do goes as JSON.
// Silence is said in words, because an old page looks just like a quiet one.

const SILENCE = 3500; // milliseconds; the server gives a pulse every second
const AGAIN = 1000;
// A network that is silently gone refuses nothing: without an end, a wait would last for ever.
const PATIENCE = 150_000; // an end of a step waits up to 120 s for what it holds to be put back
const LOOK_PATIENCE = 5000;

export class Stream {
  constructor(onView, onConnection) {
    this.onView = onView;
    this.onConnection = onConnection;
    this.heard = Date.now();
    this.person = "";
    this.broken = ""; // why the last view could not be shown
    setInterval(() => this.look(), 500);
    // A hidden page gives its connection back: browsers have few for each console.
    document.addEventListener("visibilitychange", () =>
      document.hidden ? this.close() : this.follow(this.person));
  }

  follow(person) {
    this.person = person;
    this.close();
    this.heard = Date.now();
    const source = new EventSource(`/events?as=${encodeURIComponent(person)}`);
    this.source = source;
    source.addEventListener("view", (event) => {
      this.broken = "";
      try {
        this.onView(JSON.parse(event.data));
      } catch (error) {
        this.broken = `This page cannot show what came (${error.message}): reload it.`;
      }
      this.hear();
    });
    source.addEventListener("pulse", () => this.hear());
    source.addEventListener("error", () => this.miss(source));
  }

  close() {
    this.source?.close();
    this.source = null;
  }

  hear() {
    this.heard = Date.now();
    this.onConnection(this.broken);
  }

  look() {
    if (this.source && Date.now() - this.heard > SILENCE) this.onConnection(lost(this.heard));
  }

  // The browser comes back by itself after a cut, but not after a refusal.
  async miss(source) {
    if (source.readyState !== EventSource.CLOSED) return;
    const answer = await fetch("/view", { signal: AbortSignal.timeout(LOOK_PATIENCE) })
      .catch(() => null);
    if (answer && (answer.status === 401 || answer.status === 403)) {
      this.close();
      this.onConnection(`Not let in any more. ${await answer.text()}`);
    } else if (this.source === source) {
      setTimeout(() => this.source === source && this.follow(this.person), AGAIN);
    }
  }
}

function lost(since) {
  const at = new Date(since).toLocaleTimeString("en-GB");
  return `Connection lost at ${at}: what you see is from then. Trying again. ` +
    "To halt without this page, run: chaoskit halt";
}

// Resolves to "" when it was taken, otherwise to the reason in words; at the latest after
// `patience` milliseconds. It never throws.
export async function send(path, fields, patience = PATIENCE) {
  let text;
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
      signal: AbortSignal.timeout(patience),
    });
    if (answer.ok) return "";
    text = await answer.text();
  } catch (error) {
    return error.name === "TimeoutError"
      ? `The console has not answered for ${patience / 1000} s.`
      : "It did not arrive: the console does not answer.";
  }
  try {
    return JSON.parse(text).refused ?? text;
  } catch {
    return text;
  }
}
