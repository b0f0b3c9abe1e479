// The wire of consign, for a browser. No state but the session; every failure is a Failure with text for people.

/** Something that went wrong, said so that a person can act. `isTransient`: the same may work later. */
export class Failure extends Error {
  constructor(message, { status = 0, code = "", isTransient = false, retryAfterS = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, isTransient, retryAfterS });
  }
}

const session = { token: null };

export function useToken(token) {
  session.token = token || null;
}

export const hasToken = () => session.token !== null;

/** In development the server hands out a token; elsewhere the answer is 404 and a person gives one. */
export async function openSession() {
  const answer = await fetch("/dev/session", { headers: { accept: "application/json" }, cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return false;
  const { token } = await answer.json().catch(() => ({}));
  session.token = token ?? null;
  return session.token !== null;
}

/** A problem document (RFC 9457) as lines of text. */
function problemText(problem, status, requestId) {
  const lines = [problem.detail ?? problem.title ?? `The server answered ${status}.`];
  for (const { field, detail, code } of problem.errors ?? []) lines.push(`${field} ${detail ?? code ?? "is wrong"}`);
  const id = problem.request_id ?? requestId;
  if (id) lines.push(`Request ${id}`);
  // The detail of a problem with a single field repeats it.
  return [...new Set(lines)].join("\n");
}

const ATTEMPTS_MAX = 4;

async function call(method, path, { body, headers = {}, signal } = {}) {
  return retrying(async () => {
    let answer;
    try {
      answer = await fetch(path, {
        method,
        signal,
        cache: "no-store",
        headers: {
          accept: "application/json",
          ...(session.token && { authorization: `Bearer ${session.token}` }),
          ...(body && { "content-type": "application/json" }),
          ...headers,
        },
        body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure("No answer from the server.", { isTransient: true });
    }
    const data = await answer.json().catch(() => null);
    const retryAfterS = Number(answer.headers.get("retry-after")) || 0;
    if (answer.ok) return { data, retryAfterS, date: Date.parse(answer.headers.get("date")) };
    throw new Failure(problemText(data ?? {}, answer.status, answer.headers.get("x-request-id")), {
      status: answer.status,
      code: data?.code ?? "",
      isTransient: answer.status >= 500 || answer.status === 429,
      retryAfterS,
    });
  }, signal);
}

/** Repeats while the failure may pass: 0.5 s doubling, with jitter. */
export async function retrying(attempt, signal) {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Failure) || !error.isTransient || failures >= ATTEMPTS_MAX) throw error;
      const wait = 500 * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
      await sleep(Math.max(wait, Math.min(error.retryAfterS, 60) * 1000), signal);
    }
  }
}

export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

const at = (fileId, tail = "") => `/files/${encodeURIComponent(fileId)}${tail}`;

// Of the life of what is signed, the share after which it is signed anew.
const RENEWED_AFTER = 0.75;

/** Same key and request: the same upload, signed anew. Beside the answer, by this clock: when to do so, and its end. */
export async function signUpload(request, idempotencyKey, signal) {
  const asked = Date.now();
  const { data, date } = await call("POST", "/files/sign_upload", { body: request, headers: { "idempotency-key": idempotencyKey }, signal });
  // Both instants are of the server's clock, whatever this one says.
  const life = Date.parse(data.expires_at) - date;
  return Number.isFinite(life) ? { ...data, renewAt: asked + life * RENEWED_AFTER, endAt: asked + life } : data;
}

export async function confirm(request, signal) {
  return (await call("POST", "/files/confirm", { body: request, signal })).data;
}

export async function status(fileId, signal) {
  const { data, retryAfterS } = await call("GET", at(fileId, "/status"), { signal });
  return { ...data, retryAfterS };
}

export async function downloadUrl(fileId, variant) {
  return (await call("GET", at(fileId, `/download-url?variant=${variant}`))).data;
}

export async function listFiles(limit) {
  return (await call("GET", `/files?limit=${limit}`)).data;
}

export async function deleteFile(fileId) {
  await call("DELETE", at(fileId));
}

/** The profile as the ingest wrote it, from the bucket; null where there is none or it cannot be read. */
export async function fetchProfile(fileId) {
  try {
    const { url } = await downloadUrl(fileId, "profile");
    const answer = await fetch(url, { credentials: "omit" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
