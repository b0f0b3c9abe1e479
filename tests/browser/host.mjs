// What the tests run against: the real host in a folder of its own, and a headless Chromium.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;

/** A variable that the task runner sets. */
function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this by \`cargo xtask test browser\``);
  return value;
}

/** Starts `consign serve --dev` on free ports, with more in its environment where `env` says so; `stop` ends it and removes what it kept. */
export async function startConsign(env = {}) {
  const folder = await mkdtemp(join(tmpdir(), "consign-browser-"));
  const policy = fileURLToPath(new URL("consign.toml", import.meta.url));
  const args = ["serve", "--dev", "--listen", "127.0.0.1:0", "--store-listen", "127.0.0.1:0", "--data", join(folder, "data"), "--config", policy];
  const child = spawn(given("CONSIGN_BIN"), args, { cwd: folder, env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  let log = "";
  const stop = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
    await ended;
    clearTimeout(late);
    await rm(folder, { recursive: true, force: true });
  };
  const base = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no address within ${START_MS_MAX} ms:\n${log}`)), START_MS_MAX);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`consign ended with ${code}:\n${log}`)));
    child.stderr.setEncoding("utf8").on("data", (text) => {
      log += text;
      const address = /^ *page +(http:\S+)/m.exec(log);
      if (address) {
        clearTimeout(late);
        resolve(address[1]);
      }
    });
  });
  try {
    return { base: await base, log: () => log, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts Chromium so that nothing but this machine's own addresses can be reached from it. */
export async function startBrowser() {
  const { chromium } = createRequire(join(given("CONSIGN_BROWSER_TOOLS"), "index.js"))("playwright-core");
  return chromium.launch({
    executablePath: given("CONSIGN_CHROMIUM"),
    headless: true,
    chromiumSandbox: false,
    timeout: START_MS_MAX,
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
}
