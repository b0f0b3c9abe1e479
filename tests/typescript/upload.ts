// Uploads a file with openapi-fetch and the types that openapi-typescript made, waits until it is ready, and gets it back.
//
// Arguments: base URL, token. The generated types must lie beside this file.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.d.ts";

type Problem = components["schemas"]["Problem"];
type File = components["schemas"]["File"];

const ENDS = ["ready", "failed", "expired", "deleted"] satisfies File["status"][];

/** What was asked for; a problem ends the program. */
function taken<T>({ data, error }: { data?: T; error?: Problem }): T {
  assert.ok(data !== undefined, JSON.stringify(error));
  return data;
}

const [baseUrl = "", token = ""] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } });

const { error: refused, response } = await client.POST("/files/sign_upload", { body: { filename: "no/name.csv" } });
assert.ok(refused, "a name with a path is refused");
assert.deepEqual([response.status, refused.status, refused.code], [400, 400, "validation_failed"]);
assert.deepEqual(refused.errors?.map(({ field, code }) => [field, code]), [["filename", "invalid"]]);

const content = new TextEncoder().encode("id,name\n1,Ann\n2,Bob\n");
// `satisfies` refuses a field too many, which a variable may have otherwise.
const wanted = {
  filename: "people.csv",
  content_type: "text/csv",
  file_size_bytes: content.length,
  strategy: "put",
} satisfies components["schemas"]["SignUpload"];
const signed = taken(await client.POST("/files/sign_upload", { body: wanted }));
assert.ok(signed.upload_url, "a PUT has a URL");
const sent = await fetch(signed.upload_url, { method: signed.method, headers: signed.headers, body: content });
assert.equal(sent.status, 200, await sent.text());
taken(await client.POST("/files/confirm", { body: { file_id: signed.file_id, etag: sent.headers.get("etag") } }));

const params = { path: { id: signed.file_id } };
let file: File;
for (let asked = 0; ; asked++) {
  file = taken(await client.GET("/files/{id}/status", { params }));
  if (ENDS.some((end) => end === file.status) || asked === 60) break;
  await sleep(500);
}
assert.deepEqual([file.status, file.row_count, file.columns], ["ready", 2, ["id", "name"]]);

const download = taken(await client.GET("/files/{id}/download-url", { params: { ...params, query: { variant: "original" } } }));
assert.equal(download.filename, "people.csv");
const got = await fetch(download.url);
assert.equal(got.status, 200);
assert.deepEqual(new Uint8Array(await got.arrayBuffer()), content);
console.log("ready");
