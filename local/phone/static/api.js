// Talks to the page's own routes, with the key of the link that opened the page. An answer that is an error becomes an Error with what it said.

const KEPT = "avio-phone-key";
let key = "";

export const get = (path) => call(path);
export const post = (path, body) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// The key is behind #, which no browser sends anywhere; it is taken out of the address and kept for this origin alone.
export function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("k");
  if (given) history.replaceState(null, "", location.pathname);
  try {
    if (given) localStorage.setItem(KEPT, given);
    key = given || localStorage.getItem(KEPT) || "";
  } catch {
    key = given || key; // no storage: the key holds until the page is left
  }
  return Boolean(given);
}

async function call(path, options = {}) {
  const answer = await fetch(`/phone/${path}`, { ...options, headers: { ...options.headers, "X-Phone-Key": key } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(body.detail || `${path}: ${answer.status}`), { code: body.error });
  return body;
}
