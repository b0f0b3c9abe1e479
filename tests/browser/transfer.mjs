// The page's transfer over a slow link, with a bucket and a clock of our own: no browser waits two minutes.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const LIFE_MS = 120_000;
const PART_BYTES = 4;

/** The page's modules, read as such by any Node. */
async function load() {
  const folder = mkdtempSync(join(tmpdir(), "consign-page-"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  for (const name of ["api.js", "transfer.js"]) {
    copyFileSync(fileURLToPath(new URL(`../../web/${name}`, import.meta.url)), join(folder, name));
  }
  try {
    return await import(pathToFileURL(join(folder, "transfer.js")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A bucket whose URLs end, in a time that passes with what is sent. */
class Bucket {
  constructor({ partMs = 0, parts = 40 } = {}) {
    Object.assign(this, { partMs, parts, now: 0, signings: [], puts: [], late: 0 });
  }

  sign({ tellsTime = true } = {}) {
    const signing = this.signings.push(this.now) - 1;
    const url = (number) => `bucket/${signing}/${number}`;
    const parts = Array.from({ length: this.parts }, (_, index) => ({ part_number: index + 1, url: url(index + 1), headers: {} }));
    const times = tellsTime ? { renewAt: this.now + LIFE_MS * 0.75, endAt: this.now + LIFE_MS } : {};
    return { file_id: "f", strategy: "multipart", multipart: { upload_id: "u", part_size_bytes: PART_BYTES, parts }, ...times };
  }

  put(url) {
    const [, signing, number] = url.split("/").map(Number);
    this.puts.push(number);
    if (this.now >= this.signings[signing] + LIFE_MS) {
      this.late++;
      return { status: 403, etag: null };
    }
    return { status: 200, etag: `"e${number}"` };
  }
}

/** Sends a file of the bucket's parts with what the page uses of a browser. */
async function send(bucket, signed, signAgain) {
  const { send } = await load();
  const kept = { now: Date.now, XMLHttpRequest: globalThis.XMLHttpRequest, DOMParser: globalThis.DOMParser };
  Date.now = () => bucket.now;
  globalThis.DOMParser = class { parseFromString() { return { querySelector: () => null }; } };
  globalThis.XMLHttpRequest = class {
    upload = {};
    responseText = "";
    open(_, url) { this.url = url; }
    setRequestHeader() {}
    getResponseHeader() { return this.etag; }
    abort() {
      clearImmediate(this.answer);
      this.onabort();
    }
    send() {
      // A URL counts when the request begins; its bytes take their time.
      Object.assign(this, bucket.put(this.url));
      this.answer = setImmediate(() => {
        bucket.now += bucket.partMs;
        this.onload();
      });
    }
  };
  try {
    const file = new Blob(["0123".repeat(bucket.parts)]);
    return await send(signed, file, { onSent() {}, signal: new AbortController().signal, signAgain });
  } finally {
    Date.now = kept.now;
    Object.assign(globalThis, { XMLHttpRequest: kept.XMLHttpRequest, DOMParser: kept.DOMParser });
  }
}

const all = (bucket) => Array.from({ length: bucket.parts }, (_, index) => ({ part_number: index + 1, etag: `e${index + 1}` }));

export const transfer = {
  async parts_over_a_slow_link_are_signed_anew_before_their_urls_end() {
    const bucket = new Bucket({ partMs: 20_000 });
    const { parts } = await send(bucket, bucket.sign(), async () => bucket.sign());
    assert.deepEqual(parts, all(bucket));
    assert.deepEqual([bucket.late, bucket.puts.length], [0, bucket.parts]);
    assert.ok(bucket.signings.length > (bucket.parts * 20_000) / LIFE_MS, `${bucket.signings.length} signings`);
  },

  async a_sending_that_begins_when_the_urls_have_ended_signs_anew_once() {
    for (const tellsTime of [true, false]) {
      const bucket = new Bucket({ parts: 3 });
      const signed = bucket.sign({ tellsTime });
      bucket.now += LIFE_MS + 5_000;
      const { parts } = await send(bucket, signed, async () => bucket.sign({ tellsTime }));
      assert.deepEqual(parts, all(bucket));
      assert.equal(bucket.signings.length, 2);
      // Where nobody tells the time, the bucket does.
      assert.equal(bucket.late, tellsTime ? 0 : 3);
    }
  },

  async a_signature_that_never_works_is_given_up() {
    const bucket = new Bucket({ parts: 3 });
    bucket.put = () => ({ status: 403, etag: null });
    await assert.rejects(send(bucket, bucket.sign(), async () => bucket.sign()), { status: 403 });
    assert.equal(bucket.signings.length, 2);
  },
};
