// The wire of consign, for a browser. No state but the session; every failure is a Failure with text for people.

/** @import { Answer, AnyInput, Confirm, Input, Method, PathOf, Problem, Signed, SignUpload, Success, Variant } from "./wire.d.ts" */

/** Something that went wrong, said so that a person can act. `isTransient`: the same may work later. */
export class Failure extends Error {
  /** @param {string} message */
  constructor(message, { status = 0, code = "", isTransient = false, isFromBucket = false, retryAfterS = 0 } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.isTransient = isTransient;
    this.isFromBucket = isFromBucket;
    this.retryAfterS = retryAfterS;
  }
}

/** @type {{ token: string | null }} */
const session = { token: null };

/** @param {string} token */
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

/**
 * A problem document (RFC 9457) as lines of text. A proxy in front may answer anything.
 * @param {Partial<Problem>} problem
 * @param {number} status
 * @param {string | null} requestId
 */
function problemText(problem, status, requestId) {
  const lines = [problem.detail ?? problem.title ?? `The server answered ${status}.`];
  for (const { field, detail, code } of problem.errors ?? []) lines.push(`${field} ${detail ?? code ?? "is wrong"}`);
  const id = problem.request_id ?? requestId;
  if (id) lines.push(`Request ${id}`);
  // The detail of a problem with a single field repeats it.
  return [...new Set(lines)].join("\n");
}

const ATTEMPTS_MAX = 4;

/**
 * One operation of the document.
 * @template {Method} M
 * @template {PathOf<M>} P
 * @param {M} method
 * @param {P} path
 * @param {Input<M, P>} input
 * @returns {Promise<Answer<Success<M, P>>>}
 */
async function call(method, path, input) {
  const { header, body, signal } = /** @type {AnyInput} */ (input);
  const url = urlOf(path, input);
  return retrying(async () => {
    let answer;
    try {
      answer = await fetch(url, {
        method: method.toUpperCase(),
        signal,
        cache: "no-store",
        headers: {
          accept: "application/json",
          ...(session.token && { authorization: `Bearer ${session.token}` }),
          ...(body && { "content-type": "application/json" }),
          ...header,
        },
        body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new Failure("No answer from the server.", { isTransient: true });
    }
    const data = await answer.json().catch(() => null);
    const retryAfterS = Number(answer.headers.get("retry-after")) || 0;
    if (answer.ok) return { data, retryAfterS, date: Date.parse(answer.headers.get("date") ?? "") };
    throw new Failure(problemText(data ?? {}, answer.status, answer.headers.get("x-request-id")), {
      status: answer.status,
      code: data?.code ?? "",
      isTransient: answer.status >= 500 || answer.status === 429,
      retryAfterS,
    });
  }, signal);
}

/**
 * The path with its parts and the query filled in.
 * @param {string} path
 * @param {AnyInput} input
 */
function urlOf(path, { path: parts = {}, query = {} }) {
  const filled = Object.entries(parts).reduce((url, [name, value]) => url.replace(`{${name}}`, encodeURIComponent(value)), path);
  const asked = new URLSearchParams(Object.entries(query)).toString();
  return asked ? `${filled}?${asked}` : filled;
}

/**
 * Whether somebody ended what was going on.
 * @param {unknown} error
 */
export const isAbort = (error) => error instanceof Error && error.name === "AbortError";

/**
 * Repeats while the failure may pass: 0.5 s doubling, with jitter.
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
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

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

// Of the life of what is signed, the share after which it is signed anew.
const RENEWED_AFTER = 0.75;

/**
 * Same key and request: the same upload, signed anew. Beside the answer, by this clock: when to do so, and its end.
 * @param {SignUpload} request
 * @param {string} idempotencyKey
 * @param {AbortSignal} [signal]
 * @returns {Promise<Signed>}
 */
export async function signUpload(request, idempotencyKey, signal) {
  const asked = Date.now();
  const header = { "Idempotency-Key": idempotencyKey };
  const { data, date } = await call("post", "/files/sign_upload", { body: request, header, signal });
  // Both instants are of the server's clock, whatever this one says.
  const life = Date.parse(data.expires_at) - date;
  return Number.isFinite(life) ? { ...data, renewAt: asked + life * RENEWED_AFTER, endAt: asked + life } : data;
}

/**
 * @param {Confirm} request
 * @param {AbortSignal} [signal]
 */
export async function confirm(request, signal) {
  return (await call("post", "/files/confirm", { body: request, signal })).data;
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
export async function status(id, signal) {
  const { data, retryAfterS } = await call("get", "/files/{id}/status", { path: { id }, signal });
  return { ...data, retryAfterS };
}

/**
 * @param {string} id
 * @param {Variant} variant
 */
export async function downloadUrl(id, variant) {
  return (await call("get", "/files/{id}/download-url", { path: { id }, query: { variant } })).data;
}

/** @param {number} limit */
export async function listFiles(limit) {
  return (await call("get", "/files", { query: { limit } })).data;
}

/** @param {string} id */
export async function deleteFile(id) {
  await call("delete", "/files/{id}", { path: { id } });
}

/**
 * The profile from the bucket; null where there is none or it cannot be read.
 * @param {string} id
 * @returns {Promise<import("./profile.js").Profile | null>}
 */
export async function fetchProfile(id) {
  try {
    const { url } = await downloadUrl(id, "profile");
    const answer = await fetch(url, { credentials: "omit" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
