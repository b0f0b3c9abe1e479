// Bytes straight to the bucket, with progress: a PUT, a POST form, or parts.

import { Failure, retrying } from "./api.js";

/**
 * @import { CompletedPart, Confirm, Signed } from "./wire.d.ts"
 * @typedef {(bytes: number) => void} OnSent Gets the total so far.
 */

const PARTS_AT_ONCE = 3;
// A URL may have ended; one that is refused so often has another reason.
const SIGNINGS_MAX = 2;
// The browser sets these by itself, to the very values that were signed.
const FORBIDDEN = new Set(["host", "content-length"]);

/**
 * Sends `file` as `signed` says; resolves to what confirm wants to know. URLs end long before a large file has been sent
 * over a slow link: `signAgain()` signs the same upload anew.
 * @param {Signed} signed
 * @param {File} file
 * @param {{ onSent: OnSent, signal: AbortSignal, signAgain?: () => Promise<Signed> }} options
 * @returns {Promise<Pick<Confirm, "etag" | "parts">>}
 */
export async function send(signed, file, { onSent, signal, signAgain }) {
  const urls = new Urls(signed, signAgain);
  if (signed.strategy === "multipart") return { parts: await sendParts(urls, file, { onSent, signal }) };
  const etag = await urls.using(({ strategy, method, upload_url: url, headers, form_fields: fields }) => request({
    method,
    url: signedUrl(url),
    headers: strategy === "post" ? {} : headers,
    body: strategy === "post" ? form(fields, file) : file,
    onSent: (sent) => onSent(Math.min(sent, file.size)),
    signal,
  }), signal);
  return etag ? { etag } : {};
}

/** What is signed for an upload: anew before it ends, or when the bucket says that it has, beside what is under way. */
class Urls {
  /** How often it was signed anew. */
  turn = 0;
  /** @type {Promise<void> | null} */
  signing = null;

  /**
   * @param {Signed} signed
   * @param {(() => Promise<Signed>) | undefined} signAgain
   */
  constructor(signed, signAgain) {
    this.signed = signed;
    this.signAgain = signAgain;
  }

  /**
   * Signs anew, unless that was done since `turn`; many who ask at once are one call.
   * @param {number} turn
   */
  async renew(turn) {
    if (turn !== this.turn || !this.signAgain) return;
    this.signing ??= this.signAgain().then((signed) => {
      if (signed.file_id !== this.signed.file_id || signed.multipart?.upload_id !== this.signed.multipart?.upload_id) {
        throw new Failure("Signing again gave another upload.");
      }
      this.signed = signed;
      this.turn++;
    }).finally(() => { this.signing = null; });
    await this.signing;
  }

  /**
   * Sends by `once(signed)`, again where that may help, and with another signature where this one has ended.
   * @template T
   * @param {(signed: Signed) => Promise<T>} once
   * @param {AbortSignal} signal
   * @returns {Promise<T>}
   */
  async using(once, signal) {
    for (let refusals = 0; ;) {
      /** @type {number | undefined} */
      let turn;
      try {
        return await retrying(async () => {
          if (isPast(this.signed.renewAt)) await this.renewEarly(this.turn);
          turn = this.turn;
          return once(this.signed);
        }, signal);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const hasEnded = error.isFromBucket && (error.status === 403 || error.code === "ExpiredRequest" || isPast(this.signed.endAt));
        if (!hasEnded || turn === undefined || ++refusals >= SIGNINGS_MAX) throw error;
        await this.renew(turn);
      }
    }
  }

  /**
   * A server that is away for a moment stops nothing while what is signed still works.
   * @param {number} turn
   */
  async renewEarly(turn) {
    try {
      await this.renew(turn);
    } catch (error) {
      if (!(error instanceof Failure) || !error.isTransient || isPast(this.signed.endAt)) throw error;
    }
  }
}

/** @param {number | undefined} at */
const isPast = (at) => at !== undefined && Date.now() >= at;

/**
 * Only an upload in parts has none.
 * @param {string | null} url
 */
function signedUrl(url) {
  if (url === null) throw new Failure("The server signed no URL.");
  return url;
}

/**
 * Only an upload in parts has any.
 * @param {Signed} signed
 */
function signedParts({ multipart }) {
  if (!multipart) throw new Failure("The server signed no parts.");
  return multipart;
}

/**
 * Fields first, in their order; the file last: stores ignore what follows it.
 * @param {Signed["form_fields"]} fields
 * @param {File} file
 */
function form(fields, file) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields ?? {})) data.append(name, value);
  data.append("file", file);
  return data;
}

/**
 * @param {Urls} urls
 * @param {File} file
 * @param {{ onSent: OnSent, signal: AbortSignal }} options
 */
async function sendParts(urls, file, { onSent, signal }) {
  const { part_size_bytes: size, parts } = signedParts(urls.signed);
  /** @type {Map<number, number>} */
  const sent = new Map();
  /** @type {CompletedPart[]} */
  const done = [];
  const queue = parts.map((part) => part.part_number);
  /** @type {(number: number, bytes: number) => void} */
  const report = (number, bytes) => {
    sent.set(number, bytes);
    onSent([...sent.values()].reduce((sum, bytes) => sum + bytes, 0));
  };
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const worker = async () => {
    for (let number = queue.shift(); number; number = queue.shift()) {
      const body = file.slice((number - 1) * size, number * size);
      const etag = await urls.using(async (signed) => {
        const part = signedParts(signed).parts.find((part) => part.part_number === number);
        if (!part) throw new Failure("Signing again gave other parts.");
        return request({ method: "PUT", url: part.url, headers: part.headers, body, signal: either, onSent: (bytes) => report(number, bytes) });
      }, either);
      if (!etag) throw new Failure("The bucket does not show the ETag of a part: its CORS rules must expose it.");
      done.push({ part_number: number, etag });
    }
  };
  try {
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, worker));
  } catch (error) {
    stop.abort(error);
    throw error;
  }
  return done.sort((a, b) => a.part_number - b.part_number);
}

/**
 * Without its quotes, and without the `W/` that a compressing proxy puts before it.
 * @param {string | null} etag
 */
const bareEtag = (etag) => etag?.trim().replace(/^W\/(?=")/, "").replaceAll('"', "");

/**
 * One request with upload progress, which `fetch` does not tell. Resolves to the etag without quotes, where shown.
 * @param {{ method: string, url: string, headers: Signed["headers"], body: Blob | FormData, onSent: OnSent, signal: AbortSignal }} what
 * @returns {Promise<string | undefined>}
 */
function request({ method, url, headers, body, onSent, signal }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    signal.addEventListener("abort", abort, { once: true });
    /** @type {<T>(how: (value: T) => void, value: T) => void} */
    const settle = (how, value) => { signal.removeEventListener("abort", abort); how(value); };

    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) if (!FORBIDDEN.has(name.toLowerCase())) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => onSent(event.loaded);
    xhr.onload = () => {
      const isTaken = xhr.status >= 200 && xhr.status < 300;
      // 412: something is there already. After a lost answer it is this very file; confirm tells.
      if (isTaken || xhr.status === 412) return settle(resolve, isTaken ? bareEtag(xhr.getResponseHeader("etag")) : undefined);
      onSent(0);
      settle(reject, storeFailure(xhr));
    };
    xhr.onerror = () => {
      onSent(0);
      settle(reject, fromBucket("No answer from the bucket: is it reachable, and do its CORS rules allow this page? `consign doctor` checks.", { isTransient: true }));
    };
    xhr.onabort = () => settle(reject, signal.reason);
    xhr.send(body);
  });
}

/** @param {XMLHttpRequest} xhr */
function storeFailure(xhr) {
  const xml = new DOMParser().parseFromString(xhr.responseText, "application/xml");
  /** @param {string} name */
  const text = (name) => xml.querySelector(name)?.textContent ?? "";
  const code = text("Code");
  const hint = xhr.status === 403 || code === "ExpiredRequest" ? "\nThe URL may have run out: try again." : "";
  const isTransient = xhr.status >= 500 || xhr.status === 429 || code === "ConditionalRequestConflict";
  const what = [code, text("Message")].filter(Boolean).join(": ") || "no reason given";
  return fromBucket(`The bucket refused (${xhr.status}). ${what}${hint}`, { status: xhr.status, code, isTransient });
}

/**
 * @param {string} text
 * @param {{ status?: number, code?: string, isTransient?: boolean }} about
 */
const fromBucket = (text, about) => new Failure(text, { ...about, isFromBucket: true });
