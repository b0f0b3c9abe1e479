// The demo page in a real browser against the real host. Started by `cargo xtask test browser`.
//
// With CONSIGN_SCREENSHOTS=DIR it also leaves pictures of the page there, for people to look at.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { startBrowser, startConsign } from "./host.mjs";
import { open } from "./page.mjs";
import * as samples from "./samples.mjs";
import { takeScreenshots } from "./screenshots.mjs";
import { transfer } from "./transfer.mjs";

const PATIENCE = { timeout: 120_000 };

/** A token as the policy of these tests takes it, for five minutes. */
function tokenOf(secret) {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: "consign-dev", aud: "consign", sub: "ada", iat: now, exp: now + 300 })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

const tests = {
  ...transfer,

  async a_table_is_uploaded_profiled_and_downloaded_as_parquet(browser, base) {
    const visit = await open(browser, base);
    const { text, rows, columns } = samples.cities();
    const card = await visit.choose("cities.csv", "text/csv", text);
    await card.locator(".profile").waitFor(PATIENCE);

    const states = await visit.states("cities.csv");
    assert.deepEqual(states.slice(0, 3), ["pending", "uploading", "uploaded"]);
    assert.equal(states.at(-1), "ready");
    assert.equal((await visit.progress()).at(-1), 1);
    assert.equal(await card.locator(".summary strong").innerText(), `${rows.toLocaleString("en-US")} rows`);
    const cells = await card.getByRole("region", { name: "Profile" }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
    assert.deepEqual(cells.map(([name, , nulls]) => [name, Number(nulls.replaceAll(",", ""))]), columns);
    assert.ok(cells.every(([, type, , min, max, distinct]) => type && min && max && distinct), "each column has a type, a range and a number of values");

    const { name, bytes } = await visit.download(card.getByRole("button", { name: "as Parquet" }));
    assert.equal(name, "cities.parquet");
    assert.equal(bytes.subarray(0, 4).toString("latin1"), "PAR1");
    assert.equal(bytes.subarray(-4).toString("latin1"), "PAR1");
    const original = await visit.download(card.getByRole("button", { name: "as Original" }));
    assert.equal(original.bytes.toString("utf8"), text);
    // Also for a file of the list, as after a reload.
    await visit.page.reload();
    const row = visit.page.locator("#recent tr", { hasText: "cities.csv" }).first();
    await row.getByRole("button", { name: "Columns of cities.csv" }).click();
    const below = visit.page.locator("#recent tr.below");
    await below.waitFor(PATIENCE);
    assert.equal(await below.locator(".profile tbody th[scope=row]").count(), columns.length);
    assert.ok(await below.locator("svg.histogram").count() > 0, "numbers have a histogram");
    await below.locator("summary").click();
    assert.equal(await below.locator("details tbody tr").count(), 20);
    await visit.close();
  },

  async a_file_over_the_threshold_is_sent_in_parts(browser, base) {
    const visit = await open(browser, base);
    const { text, rows } = samples.measurements(6_000_000);
    const card = await visit.choose("measurements.csv", "text/csv", text);
    await card.locator(".profile").waitFor(PATIENCE);

    assert.equal(await card.locator(".summary strong").innerText(), `${rows.toLocaleString("en-US")} rows`);
    const parts = visit.requests.filter(({ method, url }) => method === "PUT" && url.searchParams.has("partNumber"));
    assert.deepEqual(parts.map(({ url }) => url.searchParams.get("partNumber")).sort(), ["1", "2"]);
    assert.ok((await visit.progress()).some((value) => value > 0 && value < 1), "the bar moved between empty and full");
    await visit.close();
  },

  async a_type_that_the_policy_does_not_take_is_refused_in_words(browser, base) {
    const visit = await open(browser, base);
    const card = await visit.choose("setup.exe", "application/x-msdownload", "MZ");
    await card.locator(".note", { hasText: "filename" }).waitFor();

    const note = await card.locator(".note").innerText();
    assert.match(note, /^filename must end in one of .*\.csv.*\nRequest [0-9a-f]+$/, "the problem is told once, with its request");
    assert.deepEqual(await visit.states("setup.exe"), ["pending", "failed"]);
    assert.equal(visit.requests.filter(({ method }) => method === "PUT").length, 0, "nothing was sent to the bucket");
    await visit.close([400]);
  },

  async bytes_that_are_no_table_end_as_failed_with_the_reason(browser, base) {
    const visit = await open(browser, base);
    const card = await visit.choose("broken.csv", "text/csv", samples.noise(4096));
    await card.locator(".steps .is-bad").waitFor(PATIENCE);
    // Where the ingest was quicker than the confirm, the reason comes with the status after it.
    await card.locator(".note", { hasText: /./ }).waitFor(PATIENCE);

    const reason = await card.locator(".note").innerText();
    assert.ok(reason.length > 10 && !reason.includes("No reason"), `the reason is ${JSON.stringify(reason)}`);
    assert.equal((await visit.states("broken.csv")).at(-1), "failed");
    assert.equal(await card.locator(".steps .is-bad").innerText(), "processing");
    assert.equal(await card.locator("progress").isVisible(), false);
    const row = visit.page.locator("#recent tr", { hasText: "broken.csv" });
    assert.ok((await row.locator(".name").innerText()).includes(reason), "the list tells it too");
    await row.locator(".badge.failed").waitFor();
    assert.equal(await row.getByRole("button", { name: "as Parquet" }).count(), 0, "there is nothing to download");
    await visit.close();
  },

  async rows_that_do_not_fit_are_counted(browser, base) {
    const visit = await open(browser, base);
    const card = await visit.choose("ragged.csv", "text/csv", "a,b\n1,2\n3,4\n5,6\n7,8,9\n");
    await card.locator(".profile").waitFor(PATIENCE);
    assert.equal(await card.locator(".summary").innerText(), "3 rows, 1 rejected, 2 columns");
    await visit.close();
  },

  async a_name_with_markup_stays_text(browser, base) {
    const visit = await open(browser, base);
    const name = "<img src=x onerror=alert(1)>.csv";
    const card = await visit.choose(name, "text/csv", "<b>a</b>,b\n<script>,1\n");
    await card.locator(".profile").waitFor(PATIENCE);
    assert.equal(await card.locator(".upload-name").innerText(), name);
    assert.equal(await card.locator("img, script, b").count(), 0);
    assert.equal(await card.locator(".profile tbody th").first().innerText(), "<b>a</b>");
    await visit.close();
  },

  async a_file_is_deleted_from_the_list(browser, base) {
    const visit = await open(browser, base);
    const card = await visit.choose("short-lived.csv", "text/csv", "a,b\n1,2\n");
    await card.locator(".profile").waitFor(PATIENCE);
    const row = visit.page.locator("#recent tr", { hasText: "short-lived.csv" });
    visit.page.once("dialog", (dialog) => dialog.accept());
    await row.getByRole("button", { name: "Delete short-lived.csv" }).click();
    await row.waitFor({ state: "detached" });
    await visit.close();
  },

  async a_host_that_hands_out_no_token_is_given_one(browser) {
    const secret = "a secret of the browser tests, long enough";
    const own = await startConsign({ CONSIGN_DEV_SECRET: secret });
    try {
      const visit = await open(browser, own.base);
      const note = visit.page.locator("#recent-note");
      const give = async (token) => {
        await visit.page.getByLabel("Bearer token").fill(token);
        await visit.page.getByRole("button", { name: "Use it" }).click();
      };
      assert.equal(await note.innerText(), "Give a token to see your files.");
      await give(tokenOf("another secret, also long enough for a key"));
      await visit.page.locator("#recent-note", { hasText: /token/ }).filter({ hasText: /Request/ }).waitFor();
      await give(tokenOf(secret));
      await visit.page.locator("#recent-note", { hasText: "Nothing yet" }).waitFor();
      assert.equal(await visit.page.locator("#session").isVisible(), false);
      await visit.close([401, 404]);
    } finally {
      await own.stop();
    }
  },
};

const consign = await startConsign();
let browser;
let failed = 0;
const names = Object.keys(tests);
try {
  browser = await startBrowser();
  console.log(`\nrunning ${names.length} tests`);
  for (const name of names) {
    try {
      await tests[name](browser, consign.base);
      console.log(`test ${name} ... ok`);
    } catch (error) {
      failed++;
      console.log(`test ${name} ... FAILED\n${error.stack ?? error}`);
    }
  }
  if (process.env.CONSIGN_SCREENSHOTS) await takeScreenshots(browser, process.env.CONSIGN_SCREENSHOTS);
} finally {
  await browser?.close();
  await consign.stop();
}
if (failed) console.log(`\nWhat consign said:\n${consign.log().replace(/eyJ[\w.-]+/g, "TOKEN")}`);
console.log(`\ntest result: ${failed ? "FAILED" : "ok"}. ${names.length - failed} passed; ${failed} failed; 0 ignored`);
process.exitCode = failed ? 1 : 0;
