// Bytes straight to the bucket, with progress: a PUT, a POST form, or parts.

import { Failure, retrying } from "./api.js";

const PARTS_AT_ONCE = 3;
// A URL may have ended; one that is refused so often has another reason.
const SIGNINGS_MAX = 2;
// The browser sets these by itself, to the very values that were signed.
const FORBIDDEN = new Set(["host", "content-length"]);

/**
 * Sends `file` as `signed` says; resolves to what confirm wants to know. `onSent(bytes)` gets the total so far. URLs end
 * long before a large file has been sent over a slow link: `signAgain()` signs the same upload anew.
 */
export async function send(signed, file, { onSent, signal, signAgain }) {
  const urls = new Urls(signed, signAgain);
  if (signed.strategy === "multipart") return { parts: await sendParts(urls, file, { onSent, signal }) };
  const etag = await urls.using(({ strategy, method, upload_url: url, headers, form_fields: fields }) => request({
    method: strategy === "post" ? "POST" : method ?? "PUT",
    url,
    headers: strategy === "post" ? {} : headers,
    body: strategy === "post" ? form(fields, file) : file,
    onSent: (sent) => onSent(Math.min(sent, file.size)),
    signal,
  }), signal);
  return etag ? { etag } : {};
}

/** What is signed for an upload: anew before it ends, or when the bucket says that it has, beside what is under way. */
class Urls {
  constructor(signed, signAgain) {
    Object.assign(this, { signed, signAgain, turn: 0, signing: null });
  }

  /** Signs anew, unless that was done since `turn`; many who ask at once are one call. */
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

  /** Sends by `once(signed)`, again where that may help, and with another signature where this one has ended. */
  async using(once, signal) {
    for (let refusals = 0; ;) {
      let turn;
      try {
        return await retrying(async () => {
          if (isPast(this.signed.renewAt)) await this.renewEarly(this.turn);
          turn = this.turn;
          return once(this.signed);
        }, signal);
      } catch (error) {
        const hasEnded = error.isFromBucket && (error.status === 403 || error.code === "ExpiredRequest" || isPast(this.signed.endAt));
        if (!hasEnded || turn === undefined || ++refusals >= SIGNINGS_MAX) throw error;
        await this.renew(turn);
      }
    }
  }

  /** A server that is away for a moment stops nothing while what is signed still works. */
  async renewEarly(turn) {
    try {
      await this.renew(turn);
    } catch (error) {
      if (!error.isTransient || isPast(this.signed.endAt)) throw error;
    }
  }
}

const isPast = (at) => at !== undefined && Date.now() >= at;

/** Fields first, in their order; the file last: stores ignore what follows it. */
function form(fields, file) {
  const data = new FormData();
  const pairs = Array.isArray(fields) ? fields : Object.entries(fields ?? {});
  for (const [name, value] of pairs) data.append(name, value);
  data.append("file", file);
  return data;
}

async function sendParts(urls, file, { onSent, signal }) {
  const { part_size_bytes: size, parts } = urls.signed.multipart;
  const sent = new Map();
  const done = [];
  const queue = parts.map((part) => part.part_number);
  const report = (number, bytes) => {
    sent.set(number, bytes);
    onSent([...sent.values()].reduce((sum, bytes) => sum + bytes, 0));
  };
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const worker = async () => {
    for (let number = queue.shift(); number; number = queue.shift()) {
      const body = file.slice((number - 1) * size, number * size);
      const etag = await urls.using(({ multipart }) => {
        const { url, headers } = multipart.parts.find((part) => part.part_number === number);
        return request({ method: "PUT", url, headers, body, signal: either, onSent: (bytes) => report(number, bytes) });
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

/** Without its quotes, and without the `W/` that a compressing proxy puts before it. */
const bareEtag = (etag) => etag?.trim().replace(/^W\/(?=")/, "").replaceAll('"', "");

/** One request with upload progress, which `fetch` does not tell. Resolves to the etag without quotes, where shown. */
function request({ method, url, headers, body, onSent, signal }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    signal.addEventListener("abort", abort, { once: true });
    const settle = (how, value) => { signal.removeEventListener("abort", abort); how(value); };

    xhr.open(method, url);
    const pairs = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
    for (const [name, value] of pairs) if (!FORBIDDEN.has(name.toLowerCase())) xhr.setRequestHeader(name, value);
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

function storeFailure(xhr) {
  const xml = new DOMParser().parseFromString(xhr.responseText, "application/xml");
  const text = (name) => xml.querySelector(name)?.textContent ?? "";
  const code = text("Code");
  const hint = xhr.status === 403 || code === "ExpiredRequest" ? "\nThe URL may have run out: try again." : "";
  const isTransient = xhr.status >= 500 || xhr.status === 429 || code === "ConditionalRequestConflict";
  const what = [code, text("Message")].filter(Boolean).join(": ") || "no reason given";
  return fromBucket(`The bucket refused (${xhr.status}). ${what}${hint}`, { status: xhr.status, code, isTransient });
}

const fromBucket = (text, about) => Object.assign(new Failure(text, about), { isFromBucket: true });
