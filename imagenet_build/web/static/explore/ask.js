// Talking to the server.
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export async function ask(path, { signal } = {}) {
  return read(await fetch(path, { signal }));
}

export async function enter(token) {
  const headers = { "Content-Type": "application/json", "X-Explorer": "1" };
  return read(await fetch("/api/enter", { method: "POST", headers, body: JSON.stringify({ token }) }));
}

async function read(response) {
  let said = {};
  try {
    said = await response.json();
  } catch (error) {
    if (response.ok) throw error;
  }
  if (!response.ok) throw new Refused(response.status, said.error || `The server answered ${response.status}.`);
  return said;
}

// What is said of something that did not come.
export const reason = (error) => (error instanceof Refused ? error.message : "The server does not answer.");

// Why a picture does not show: an <img> only knows that it does not.
export async function whyMissing(source) {
  try {
    const response = await fetch(source);
    return response.ok ? "This picture does not show in this browser." : (await response.json()).error;
  } catch {
    return "The server does not answer.";
  }
}
