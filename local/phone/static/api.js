// Talks to the page's own routes. An answer that is an error becomes an Error with what it said.

export const get = (path) => call(path);
export const post = (path, body) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

async function call(path, options) {
  const answer = await fetch(`/phone/${path}`, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || `${path}: ${answer.status}`);
  return body;
}
