// The draft's server: every edit carries the head it started from and a key, so that sent twice it is made once.

const token = () => document.cookie.split("; ").find((each) => each.startsWith("csrftoken="))?.slice(10) ?? JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";

/** Why a call did not do: `kind` is lost, session, conflict, stale, refused or broken; `problem` the server's answer. */
export class Refusal extends Error {
  constructor(kind, problem = {}) {
    super(problem.detail ?? kind);
    this.kind = kind;
    this.problem = problem;
  }
}

function kindOf(status, problem) {
  if (status === 401) return "session";
  if (status === 412) return problem.code === "conflict" ? "conflict" : "stale";
  return status >= 500 || status === 429 ? "broken" : "refused";
}

async function call(url, { method = "GET", body, head, key } = {}) {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  if (method !== "GET") {
    headers["X-CSRFToken"] = token();
    headers["Content-Type"] = "application/json";
  }
  if (head !== undefined) headers["If-Match"] = `"${head ?? 0}"`;
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refusal("lost");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refusal(kindOf(response.status, answer), answer);
}

/** Calls about one plan; `url` is its address in the API, without a slash at the end. */
export function planServer(url) {
  return {
    plan: () => call(url),
    buildings: () => call(`${url}/buildings`),
    history: (before) => call(`${url}/history?limit=200${before ? `&before=${before}` : ""}`),
    changes: (head) => call(`${url}/changes?since=${head ?? 0}`),
    edit: (body, head, key) => call(`${url}/edits`, { method: "POST", body, head, key }),
    undo: (head) => call(`${url}/undo`, { method: "POST", head }),
    redo: (head) => call(`${url}/redo`, { method: "POST", head }),
    goTo: (revision, head) => call(`${url}/head`, { method: "POST", body: { revision }, head }),
    copy: (name) => call(`${url}/copy`, { method: "POST", body: { name } }),
    takeBack: () => call(url, { method: "PATCH", body: { discarded: false } }),
    get: (address) => call(address),
  };
}
