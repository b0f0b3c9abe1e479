// Pictures of the page: light and dark, desktop and phone, empty and at work.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startConsign } from "./host.mjs";
import { open } from "./page.mjs";
import * as samples from "./samples.mjs";

const SIZES = { desktop: { width: 1200, height: 900 }, phone: { width: 390, height: 844 } };

export async function takeScreenshots(browser, folder) {
  await mkdir(folder, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, viewport] of Object.entries(SIZES)) {
      const consign = await startConsign();
      const visit = await open(browser, consign.base, { colorScheme, viewport });
      const shoot = (what) => visit.page.screenshot({ path: join(folder, `${what}-${name}-${colorScheme}.png`), fullPage: true });
      await shoot("first");
      const broken = await visit.choose("broken.csv", "text/csv", samples.noise(4096));
      await broken.locator(".steps .is-bad").waitFor();
      const refused = await visit.choose("setup.exe", "application/x-msdownload", "MZ");
      await refused.locator(".steps .is-bad").waitFor();
      const document = await visit.choose("read me.md", "text/markdown", "# Hello\n");
      await document.locator(".result").waitFor();
      const table = await visit.choose("a table with quite a long name, as people give them.csv", "text/csv", samples.cities().text);
      await table.locator(".profile").waitFor();
      await shoot("work");
      await visit.context.close();
      await consign.stop();
    }
  }
}
