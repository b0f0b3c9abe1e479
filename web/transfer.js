// Bytes straight to the bucket, with progress: a PUT, a POST form, or parts.

import { Failure, retrying } from "./api.js";

const PARTS_AT_ONCE = 3;
// The browser sets these by itself, to the very values that were signed.
const FORBIDDEN = new Set(["host", "content-length"]);

/** Sends `file` as `signed` says; resolves to what confirm wants to know. `onSent(bytes)` gets the total so far. */
export async function send(signed, file, { onSent, signal }) {
  const { strategy, method, upload_url: url, headers, form_fields: fields } = signed;
  if (strategy === "multipart") return { parts: await sendParts(signed.multipart, file, { onSent, signal }) };
  const body = () => (strategy === "post" ? form(fields, file) : file);
  const whole = { method: strategy === "post" ? "POST" : method ?? "PUT", url, headers: strategy === "post" ? {} : headers };
  const etag = await retrying(() => request({ ...whole, body: body(), onSent: (sent) => onSent(Math.min(sent, file.size)), signal }), signal);
  return etag ? { etag } : {};
}

/** Fields first, in their order; the file last: stores ignore what follows it. */
function form(fields, file) {
  const data = new FormData();
  const pairs = Array.isArray(fields) ? fields : Object.entries(fields ?? {});
  for (const [name, value] of pairs) data.append(name, value);
  data.append("file", file);
  return data;
}

async function sendParts({ part_size_bytes: size, parts }, file, { onSent, signal }) {
  const sent = new Map();
  const done = [];
  const queue = [...parts];
  const report = (number, bytes) => {
    sent.set(number, bytes);
    onSent([...sent.values()].reduce((sum, bytes) => sum + bytes, 0));
  };
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const worker = async () => {
    for (let part = queue.shift(); part; part = queue.shift()) {
      const { part_number: number, url, headers } = part;
      const body = file.slice((number - 1) * size, number * size);
      const once = () => request({ method: "PUT", url, headers, body, signal: either, onSent: (bytes) => report(number, bytes) });
      const etag = await retrying(once, either);
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
      settle(reject, new Failure("No answer from the bucket: is it reachable, and do its CORS rules allow this page? `consign doctor` checks.", { isTransient: true }));
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
  return new Failure(`The bucket refused (${xhr.status}). ${what}${hint}`, { status: xhr.status, code, isTransient });
}
