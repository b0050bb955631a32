// What the annotator sends, and what outlives a reload: answers are written to localStorage before they are sent, and
// sent again until the server has them.
const SLOWEST_RETRY_MS = 30000;
const FIRST_RETRY_MS = 1000;

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export async function ask(path, body) {
  const options = body
    ? { method: "POST", headers: { "Content-Type": "application/json", "X-Annotator": "1" }, body: JSON.stringify(body) }
    : {};
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(20000) });
  let said = {};
  try {
    said = await response.json();
  } catch (error) {
    if (response.ok) throw error;
  }
  if (!response.ok) throw new Refused(response.status, said.error || `The server answered ${response.status}.`);
  return said;
}

export const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// A worker's own corner of localStorage, in one run.
export class Memory {
  constructor(whose, say) {
    this.whose = whose; // () -> {run, name}
    this.say = say;
  }

  key(name) {
    const { run, name: worker } = this.whose();
    return `annotate/${run}/${worker}/${name}`;
  }

  recall(name, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(this.key(name))) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  remember(name, value) {
    try {
      localStorage.setItem(this.key(name), JSON.stringify(value));
    } catch {
      this.say("This browser keeps nothing on its disk: do not close the page while answers wait to be sent.");
    }
  }

  forget(name) {
    localStorage.removeItem(this.key(name));
  }
}

// Pages on their way to the server, first come, first sent.
export class Outbox {
  constructor(memory, { onChange, onEmpty, onRefused, onStranger }) {
    this.memory = memory;
    this.on = { change: onChange, empty: onEmpty, refused: onRefused, stranger: onStranger };
    this.isSending = false;
    this.retryMs = FIRST_RETRY_MS;
    this.timer = 0;
  }

  get queue() {
    return this.memory.recall("queue", []);
  }

  get isRetrying() {
    return this.retryMs > FIRST_RETRY_MS;
  }

  add(item) {
    this.memory.remember("queue", [...this.queue, item]);
  }

  // Whether a page was taken back before it was sent; one that may be on its way is not.
  takeBack(page) {
    const queue = this.queue;
    const place = queue.findIndex((item) => item.page === page);
    if (place < 0 || (place === 0 && this.isSending)) return false;
    this.memory.remember("queue", queue.filter((_, index) => index !== place));
    return true;
  }

  async drain() {
    clearTimeout(this.timer);
    if (this.isSending) return;
    this.isSending = true;
    try {
      for (let queue = this.queue; queue.length; queue = this.queue) {
        try {
          await ask("/api/answers", queue[0]);
        } catch (error) {
          if (!(error instanceof Refused) || error.status >= 500) throw error;
          if (error.status === 401) {
            this.on.stranger();
            return;
          }
          this.memory.remember("refused", [...this.memory.recall("refused", []), queue[0]]);
          this.on.refused(error.message);
        }
        this.memory.remember("queue", this.queue.slice(1));
        this.retryMs = FIRST_RETRY_MS;
        this.on.change();
      }
    } catch {
      this.timer = setTimeout(() => this.drain(), this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, SLOWEST_RETRY_MS);
    } finally {
      this.isSending = false;
      this.on.change();
    }
    if (!this.queue.length) this.on.empty();
  }
}
