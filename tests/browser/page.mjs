// The page as a person uses it, and an account of all that happened meanwhile.

import assert from "node:assert/strict";

/** How long a step may take on a busy machine. */
const STEP_MS_MAX = 60_000;

/** Runs in the page before its own scripts: keeps what is soon replaced by what comes next. */
function keepAccount() {
  const account = { announced: [], progress: [], violations: [] };
  window.account = account;
  document.addEventListener("securitypolicyviolation", (event) => account.violations.push(`${event.effectiveDirective}: ${event.blockedURI}`));
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes, oldValue } of changes) {
      if (type === "attributes") account.progress.push(Number(oldValue), Number(target.value));
      else if (target.id === "announcer") for (const node of addedNodes) account.announced.push(node.data);
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["value"], attributeOldValue: true });
}

/** A fresh page, as of a new visitor. `options` are the browser context's. */
export async function open(browser, base, options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, locale: "en-US", ...options });
  context.setDefaultTimeout(STEP_MS_MAX);
  const page = await context.newPage();
  const complaints = [];
  const requests = [];
  context.on("request", (request) => requests.push({ method: request.method(), url: new URL(request.url()), headers: request.headers() }));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.addInitScript(keepAccount);
  await page.goto(base);
  await page.locator("#recent-note:text('Loading')").waitFor({ state: "detached" });
  return new Visit(context, page, complaints, requests);
}

class Visit {
  constructor(context, page, complaints, requests) {
    Object.assign(this, { context, page, complaints, requests });
  }

  /** Chooses a file and returns its card. */
  async choose(name, mimeType, content) {
    await this.page.locator("#chooser").setInputFiles({ name, mimeType, buffer: Buffer.from(content) });
    const card = this.page.locator(".upload", { hasText: name });
    await card.waitFor();
    return card;
  }

  /** The states that the page announced for a file. */
  async states(name) {
    const { announced } = await this.page.evaluate(() => window.account);
    return announced.filter((text) => text.startsWith(`${name}: `)).map((text) => text.slice(name.length + 2));
  }

  /** What the bar of the card showed, from 0 to 1. */
  async progress() {
    return (await this.page.evaluate(() => window.account)).progress;
  }

  /** The bytes that a button brings. */
  async download(button) {
    const [download] = await Promise.all([this.page.waitForEvent("download"), button.click()]);
    const chunks = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    return { name: download.suggestedFilename(), bytes: Buffer.concat(chunks) };
  }

  /** Ends the visit. Nothing may have gone wrong unseen; the browser itself reports each answer in `refusals`. */
  async close(refusals = []) {
    const { violations } = await this.page.evaluate(() => window.account);
    const expected = (text) => refusals.some((status) => text.includes(`status of ${status}`));
    await this.context.close();
    assert.deepEqual(violations, [], "the content security policy was violated");
    assert.deepEqual(this.complaints.filter((text) => !expected(text)), [], "the console has errors");
    const strangers = this.requests.map(({ url }) => url).filter(({ protocol, hostname }) => protocol.startsWith("http") && hostname !== "127.0.0.1");
    assert.deepEqual(strangers.map(String), [], "a request left this machine");
  }
}
