// The Worker on this machine, as `cargo xtask edge dev` and the tests run it: `wrangler dev --local`, and in front of it
// what Cloudflare has and the local runtime lacks.
//
//   - R2 tells the queue of every object that was made or removed. Here it is seen in the answers of the local S3 endpoint,
//     and the real message goes on the same queue by the Worker's development route.
//   - R2's S3 API lists the parts of a multipart upload. Here they are read from the local store's own database.
//   - R2 answers a GET with the headers that its query asks for. Here they are put into the answer.
//   - Cloudflare calls `scheduled` by the clock. Here an interval does.
//
// Usage: node dev.mjs '{"wrangler": ".../wrangler.js", "config": "wrangler.toml", "state": ".wrangler/state", "port": 8787}'
//
// With "worker" (a built index.js), "migrations" (a folder) and "policy" (a file) in place of "config", the configuration is
// made here: the buckets that the policy names, and the policy over R2.
//
// With "bare" there is the runtime alone, as benchmarks want it: nothing in front of it, and no trace or line of wrangler's own
// for each request.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";

process.removeAllListeners("warning"); // node:sqlite calls itself experimental
const { DatabaseSync } = await import("node:sqlite");

const options = { host: "127.0.0.1", env: "dev", database: "consign", sweepSeconds: 10, vars: {}, args: [], ...JSON.parse(process.argv[2]) };
const S3 = "/cdn-cgi/local/r2/s3/";

const KEYS = { accessKeyId: "consign", secretAccessKey: "consign-development" };

const endpoint = `http://${options.host}:${options.port}${S3.slice(0, -1)}`;
const environment = { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", FORCE_COLOR: "0" };
if (options.bare) Object.assign(environment, { X_LOCAL_OBSERVABILITY: "false", X_LOCAL_EXPLORER: "false" });
if (!options.config) configure();
const common = ["--config", options.config, ...(options.env ? ["--env", options.env] : []), "--local", "--persist-to", options.state];
let child;

/** The configuration for a policy, as JSON beside the state. */
function configure() {
  const written = readFileSync(options.policy, "utf8");
  // From its heading to the next one: our own policies are written so.
  const policy = written.replace(/^\[store\]$[^]*?(?=^\[)/m, `[store]\nprovider = "r2"\nendpoint = "http://${options.host}:${options.port}"\n\n`);
  const buckets = new Set([...policy.matchAll(/^(?:output_)?bucket = "([^"]+)"/gm)].map(([, name]) => name));
  const queue = (name) => `${options.database}-${name}`;
  const configuration = {
    name: options.database,
    main: options.worker,
    compatibility_date: "2026-11-01",
    vars: { CONSIGN_CONFIG: policy, CONSIGN_STORE_ACCESS_KEY: KEYS.accessKeyId, CONSIGN_STORE_SECRET_KEY: KEYS.secretAccessKey },
    r2_buckets: [...buckets].map((name) => ({
      binding: `BUCKET_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`,
      bucket_name: name,
      local_dev: { experimental_s3_credentials: KEYS },
    })),
    d1_databases: [{ binding: "DB", database_name: options.database, database_id: options.database, migrations_dir: options.migrations }],
    queues: {
      producers: [
        { binding: "INGEST", queue: queue("ingest") },
        { binding: "DEAD", queue: queue("dead") },
        ...(options.large ? [{ binding: "LARGE", queue: queue("large") }] : []),
      ],
      consumers: [
        { queue: queue("ingest"), max_batch_timeout: 0, max_retries: 11, dead_letter_queue: queue("dead"), ...options.consumer },
        { queue: queue("dead"), max_batch_timeout: 0 },
      ],
    },
  };
  mkdirSync(options.state, { recursive: true });
  options.config = join(options.state, "wrangler.json");
  options.env = undefined;
  writeFileSync(options.config, JSON.stringify(configuration, null, 2));
}

function wrangler(args, stdout) {
  return spawn(process.execPath, [options.wrangler, ...args], { stdio: ["ignore", stdout, "inherit"], env: environment });
}

function ended(process) {
  return new Promise((resolve) => process.once("exit", (code, signal) => resolve(code ?? signal)));
}

/** A free port below those that the system hands out by itself: no connection takes it before wrangler listens. */
async function freePort() {
  for (;;) {
    const port = 30_000 + Math.floor(Math.random() * 2_700);
    const server = createServer();
    const free = await new Promise((resolve) => server.once("error", () => resolve(false)).listen(port, options.host, () => resolve(true)));
    await new Promise((resolve) => server.close(resolve));
    if (free) return port;
  }
}

// --- What the local store knows ---

/** The first answer that one of the buckets' databases has. */
function ask(sql, ...values) {
  const folder = join(options.state, "v3/r2/miniflare-R2BucketObject");
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".sqlite") || name === "metadata.sqlite") continue;
    const database = new DatabaseSync(join(folder, name), { readOnly: true });
    try {
      const rows = database.prepare(sql).all(...values);
      if (rows.length > 0) return rows;
    } catch {
      // Made, but nothing was ever put in it.
    } finally {
      database.close();
    }
  }
  return [];
}

function xml(response, status, body) {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>${body}`);
}

function listParts(response, key, uploadId) {
  const [upload] = ask("SELECT state FROM _mf_multipart_uploads WHERE upload_id = ? AND key = ?", uploadId, key);
  if (upload?.state !== 0) {
    xml(response, 404, "<Error><Code>NoSuchUpload</Code><Message>The specified multipart upload does not exist.</Message></Error>");
    return;
  }
  const rows = ask("SELECT part_number, size, etag FROM _mf_multipart_parts WHERE upload_id = ? ORDER BY part_number", uploadId);
  const parts = rows.map(
    ({ part_number, size, etag }) =>
      `<Part><PartNumber>${part_number}</PartNumber><ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size></Part>`,
  );
  xml(response, 200, `<ListPartsResult><IsTruncated>false</IsTruncated>${parts.join("")}</ListPartsResult>`);
}

// --- What R2 would tell ---

/** The action that a request to the S3 endpoint was, if it is one that R2 tells of. */
function actionOf(request, query) {
  if (query.has("uploadId")) return request.method === "POST" ? "CompleteMultipartUpload" : undefined;
  if (query.has("uploads")) return undefined;
  if (request.method === "PUT") return request.headers["x-amz-copy-source"] ? "CopyObject" : "PutObject";
  return request.method === "DELETE" ? "DeleteObject" : undefined;
}

/** https://developers.cloudflare.com/r2/buckets/event-notifications/#message-format */
async function notify(action, bucket, key) {
  const [object] = action === "DeleteObject" ? [{}] : ask("SELECT size, etag FROM _mf_objects WHERE key = ?", key);
  const body = {
    account: "local",
    action,
    bucket,
    object: { key, ...(object?.etag && { size: object.size, eTag: object.etag }) },
    eventTime: new Date().toISOString(),
  };
  const answer = await inner("POST", "/dev/message", JSON.stringify(body));
  if (answer !== 202) console.error(`The notification of ${action} was not taken: ${answer}`);
}

/** A request of our own; its status. */
function inner(method, path, body) {
  return new Promise((resolve) => {
    const headers = { host: `${options.host}:${innerPort}` };
    const request = http.request({ host: options.host, port: innerPort, method, path, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    request.on("error", () => resolve(0));
    request.end(body);
  });
}

// --- The front ---

const agent = new http.Agent({ keepAlive: true });

/** The headers that the query of a GET asks the answer to have. */
function wanted(query) {
  const named = [...query].filter(([name]) => name.startsWith("response-"));
  return Object.fromEntries(named.map(([name, value]) => [name.slice("response-".length), value]));
}

/**
 * The answer to a request that was refused before its body was read, and lost when the connection was reset for the rest of
 * it. The same request without a body is refused in the same way, and can lead to nothing else.
 */
function refusal(options, request, response) {
  const again = http.request({ ...options, agent: false });
  again.on("response", (answer) => refuse(answer, request, response, () => again.destroy()));
  again.on("error", () => response.headersSent || response.writeHead(502).end());
  again.setTimeout(5000, () => again.destroy(new Error("no answer")));
  again.flushHeaders();
}

/**
 * Passes on an answer that came before the request was read: the rest of that is read and forgotten first, else its sender
 * hears that the connection broke instead of the answer.
 */
function refuse(answer, request, response, done = () => {}) {
  const { connection, "content-length": length, ...headers } = answer.headers;
  const chunks = [];
  answer.on("data", (chunk) => chunks.push(chunk)).on("error", () => {});
  answer.on("close", () => {
    const send = () => {
      if (!response.headersSent) response.writeHead(answer.statusCode >= 400 ? answer.statusCode : 502, headers).end(Buffer.concat(chunks));
      done();
    };
    if (request.readableEnded || request.destroyed) send();
    else request.once("close", send).once("end", send).resume();
  });
}

function serve(request, response) {
  let told;
  let overrides = {};
  if (request.url.startsWith(S3)) {
    const url = new URL(request.url, endpoint);
    const [bucket, ...path] = decodeURIComponent(url.pathname.slice(S3.length)).split("/");
    const [key, query] = [path.join("/"), url.searchParams];
    if (request.method === "GET" && query.has("uploadId")) return listParts(response, key, query.get("uploadId"));
    if (request.method === "GET") overrides = wanted(query);
    const action = actionOf(request, query);
    if (action) told = () => notify(action, bucket, key);
  }
  let refused = false;
  const { expect, connection, ...headers } = request.headers;
  const inside = { host: options.host, port: innerPort, method: request.method, path: request.url, headers };
  const forward = http.request({ ...inside, agent }, (answer) => {
      if (answer.statusCode >= 400) {
        refused = true;
        request.unpipe(forward);
        return refuse(answer, request, response);
      }
      const chunks = [];
      response.writeHead(answer.statusCode, { ...answer.headers, ...overrides });
      if (told) answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => {
        // A completion can fail with 200.
        if (told && !Buffer.concat(chunks).includes("<Error>")) told();
      });
      answer.pipe(response);
    },
  );
  forward.on("error", () => {
    if (refused) return;
    if (response.headersSent) return response.destroy();
    request.unpipe(forward);
    refusal(inside, request, response);
  });
  response.on("close", () => response.writableFinished || forward.destroy());
  request.pipe(forward);
}

// --- The start and the end ---

function stop(code) {
  child?.kill("SIGTERM");
  process.exit(code);
}
// Who started this and holds the other end of a pipe takes it along when it dies.
if (options.whileStdin) process.stdin.resume().on("close", () => stop(0));
process.on("SIGTERM", () => stop(0));
process.on("SIGINT", () => stop(0));
process.on("exit", () => child?.kill("SIGTERM"));

// "migrated": the state is of an earlier start with the same migrations.
if (!options.migrated) {
  child = wrangler(["d1", "migrations", "apply", options.database, ...common], "ignore");
  const migrated = await ended(child);
  if (migrated !== 0) {
    console.error(`The database's schema could not be brought up to date: ${migrated}`);
    process.exit(1);
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
if (options.bare) options.args.push("--log-level", "error");
const vars = { CONSIGN_DEV: "1", CONSIGN_STORE_ENDPOINT: endpoint, ...options.vars };
const given = Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
let innerPort;

/**
 * Starts wrangler. What is built already is started again where it does not come up: wrangler opens ports of its own choice
 * beside the one that it is told, and another program may have taken one of them in between. A first build takes minutes.
 */
async function start(attempts) {
  innerPort = options.bare ? options.port : await freePort();
  const address = ["--ip", options.host, "--port", String(innerPort)];
  child = wrangler(["dev", ...common, ...address, "--show-interactive-dev-session=false", ...given, ...options.args], "inherit");
  let over = false;
  const end = ended(child).finally(() => (over = true));
  const limit = options.worker ? Date.now() + 45_000 : Infinity;
  while (!over && Date.now() < limit) {
    if ((await inner("GET", "/health/live")) === 200) {
      end.then((code) => stop(code === 0 ? 0 : 1));
      return;
    }
    await pause(50);
  }
  if (!options.worker || attempts === 1) stop(1);
  console.error("wrangler did not come up: it is started again");
  child.kill("SIGTERM");
  await Promise.race([end, pause(5_000)]);
  child.kill("SIGKILL");
  await start(attempts - 1);
}

await start(3);
const up = () => console.log(`consign is up: http://${options.host}:${options.port}/`);
if (options.bare) {
  up();
} else {
  const server = http.createServer(serve);
  server.requestTimeout = 0;
  server.listen(options.port, options.host, up);
}
if (options.sweepSeconds > 0) setInterval(() => inner("GET", "/cdn-cgi/local/scheduled"), options.sweepSeconds * 1000);
