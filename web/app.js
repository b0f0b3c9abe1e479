// The page: choose or drop files, watch them become ready, take the results away.
// Text from outside goes into the page as text alone.

import * as api from "./api.js";
import { counted, countText, element } from "./dom.js";
import { profileView } from "./profile.js";
import { send } from "./transfer.js";

/**
 * @import { Profile } from "./profile.js"
 * @import { FileError, ListedFile, SignUpload, Status, StoredFile, Strategy, Variant } from "./wire.d.ts"
 */

/**
 * What index.html has by id.
 * @typedef {{
 *   session: HTMLFormElement, token: HTMLInputElement, drop: HTMLLabelElement, chooser: HTMLInputElement, category: HTMLInputElement,
 *   strategy: HTMLSelectElement, announcer: HTMLElement, uploads: HTMLElement, refresh: HTMLButtonElement, "recent-note": HTMLElement,
 *   "recent-scroll": HTMLElement, recent: HTMLElement, "upload-template": HTMLTemplateElement,
 * }} Elements
 */
/** @type {<Id extends keyof Elements>(id: Id) => Elements[Id]} */
const $ = (id) => /** @type {any} */ (document.getElementById(id));
/** @type {Status[]} */
const STATES = ["pending", "uploading", "uploaded", "confirmed", "processing", "ready"];
/** @type {Set<Status>} */
const FINAL = new Set(["ready", "failed", "expired", "deleted"]);
const RECENT_MAX = 20;

/** @param {number | null} bytes */
const sizeText = (bytes) => {
  if (bytes == null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const exponent = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1000 ** exponent;
  return `${value.toFixed(exponent && value < 100 ? 1 : 0)} ${units[exponent]}`;
};
/** @param {string | null} time */
const timeText = (time) => (time ? new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "–");
/** @param {FileError | null} error */
const reasonText = (error) => error?.detail ?? "No reason was given.";
/** @param {unknown} error */
const messageText = (error) => (error instanceof Error ? error.message : String(error));
/** @param {string} text */
const announce = (text) => { $("announcer").textContent = text; };

/** One upload on the page. */
class UploadCard {
  /**
   * The last state that was shown, but for failures.
   * @type {Status | undefined}
   */
  last;

  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.root = /** @type {HTMLElement} */ ($("upload-template").content.firstElementChild?.cloneNode(true));
    /** @type {(selector: string) => HTMLElement} */
    this.part = (selector) => /** @type {any} */ (this.root.querySelector(selector));
    this.part(".upload-name").textContent = file.name;
    this.part(".upload-size").textContent = sizeText(file.size);
    this.bar = /** @type {HTMLProgressElement} */ (this.part("progress"));
    this.bar.setAttribute("aria-label", `Upload of ${file.name}`);
    this.stop = new AbortController();
    this.part(".cancel").addEventListener("click", () => this.stop.abort(new DOMException("Cancelled.", "AbortError")));
    $("uploads").prepend(this.root);
  }

  /** @param {string} text */
  note(text) {
    this.part(".note").textContent = text;
  }

  /** @param {Status} state */
  state(state) {
    if (state === this.last) return;
    const reached = STATES.indexOf(state);
    // A failure is shown at the step that it happened in.
    const now = reached >= 0 || !this.last ? Math.max(reached, 0) : STATES.indexOf(this.last);
    this.root.querySelectorAll(".steps li").forEach((step, index) => {
      step.classList.toggle("is-done", index < now || state === "ready");
      step.classList.toggle("is-now", index === now && reached >= 0 && state !== "ready");
      step.classList.toggle("is-last", index === now && state === "ready");
      step.classList.toggle("is-bad", index === now && reached < 0);
      if (index === now) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
    if (reached >= 0) this.last = state;
    announce(`${this.file.name}: ${state}`);
  }

  async run() {
    const { file, stop: { signal } } = this;
    try {
      this.state("pending");
      /** @type {SignUpload} */
      const request = { filename: file.name, content_type: file.type || typeOf(file.name), file_size_bytes: file.size };
      if ($("category").value.trim()) request.category = $("category").value.trim();
      if ($("strategy").value) request.strategy = /** @type {Strategy} */ ($("strategy").value);
      const key = `web-${randomHex()}`;
      const sign = () => api.signUpload(request, key, signal);
      const signed = await sign();
      this.state("uploading");
      const started = performance.now();
      const sent = await send(signed, file, { signal, signAgain: sign, onSent: (bytes) => this.progress(bytes, started) });
      this.bar.value = 1;
      this.state("uploaded");
      this.note("");
      const confirmed = await api.confirm({ file_id: signed.file_id, ...sent }, signal);
      this.state(confirmed.status);
      await this.watch(signed.file_id);
    } catch (error) {
      if (api.isAbort(error)) this.fail("Cancelled.");
      else if (error instanceof api.Failure) this.fail(error.message);
      else {
        this.fail("Something unexpected went wrong. The browser's console says more.");
        console.error(error);
      }
    } finally {
      this.part(".cancel").hidden = true;
      showRecent();
    }
  }

  /**
   * @param {number} bytes
   * @param {number} started
   */
  progress(bytes, started) {
    this.bar.value = this.file.size ? bytes / this.file.size : 1;
    const seconds = (performance.now() - started) / 1000;
    const speed = seconds > 0.5 ? `, ${sizeText(bytes / seconds)}/s` : "";
    this.note(`${sizeText(bytes)} of ${sizeText(this.file.size)}${speed}`);
  }

  /** @param {string} fileId */
  async watch(fileId) {
    for (;;) {
      const file = await api.status(fileId, this.stop.signal);
      if (file.status === "ready") return this.ready(file);
      // That is where it failed, however briefly it was to be seen.
      if (file.status === "failed") this.state("processing");
      if (FINAL.has(file.status)) return this.fail(file.status === "failed" ? reasonText(file.error) : `The file is ${file.status}.`);
      this.state(file.status);
      await api.sleep(Math.min(Math.max(file.retryAfterS || 1, 0.5), 30) * 1000, this.stop.signal);
    }
  }

  /** @param {string} text */
  fail(text) {
    // How much was sent matters only where sending stopped.
    this.bar.hidden = this.last !== "uploading";
    this.state("failed");
    this.root.classList.add("is-bad");
    this.note(text);
  }

  /** @param {StoredFile} file */
  async ready(file) {
    this.state("ready");
    this.bar.hidden = true;
    const isTable = file.row_count != null;
    this.part(".result").hidden = false;
    this.part(".summary").append(element("strong", { text: isTable ? counted(file.row_count, "row") + rejectsText(file) : "Checked and ready" }));
    this.part(".actions").append(...downloads(file, (text) => this.note(text)));
    if (!isTable) return;
    const profile = await api.fetchProfile(file.file_id);
    if (profile && Array.isArray(profile.columns)) this.profile(profile);
  }

  /** @param {Profile} profile */
  profile(profile) {
    this.part(".summary").append(`, ${counted(profile.columns.length, "column")}`);
    this.part(".result").append(profileView(profile));
  }
}

/**
 * How many rows were rejected, if any.
 * @param {StoredFile | ListedFile} file
 */
const rejectsText = (file) => (file.reject_count ? `, ${countText(file.reject_count)} rejected` : "");

/**
 * Buttons that ask for a fresh URL when pressed, for one made now may have run out by then.
 * @param {StoredFile} file
 * @param {(text: string) => void} complain
 */
function downloads(file, complain) {
  /** @type {[Variant, string][]} */
  const variants = [["original", "Original"]];
  if (file.row_count != null) variants.unshift(["parquet", "Parquet"]);
  if (file.variants.includes("rejects_parquet")) variants.push(["rejects_parquet", "Rejected rows"]);
  return variants.map(([variant, label], index) => {
    const button = element("button", { text: `↓ ${label}`, type: "button", className: index ? "quiet" : "" });
    button.setAttribute("aria-label", `Download ${file.filename} as ${label}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const { url } = await api.downloadUrl(file.file_id, variant);
        // An attachment: the page stays.
        element("a", { href: url, rel: "noreferrer" }).click();
      } catch (error) {
        complain(messageText(error));
      } finally {
        button.disabled = false;
      }
    });
    return button;
  });
}

let recentTurn = 0;

async function showRecent() {
  const turn = ++recentTurn;
  const note = $("recent-note");
  /** @type {ListedFile[]} */
  let files;
  try {
    ({ files } = await api.listFiles(RECENT_MAX));
  } catch (error) {
    if (turn !== recentTurn) return;
    const isRefused = error instanceof api.Failure && error.status === 401;
    note.textContent = isRefused && !api.hasToken() ? "Give a token to see your files." : messageText(error);
    $("recent-scroll").hidden = true;
    $("session").hidden &&= !isRefused;
    note.hidden = false;
    return;
  }
  if (turn !== recentTurn) return;
  note.textContent = "Nothing yet. What you upload shows up here.";
  note.hidden = files.length > 0;
  $("recent-scroll").hidden = files.length === 0;
  $("recent").replaceChildren(...files.map(recentRow));
}

/**
 * A button that shows and hides the profile of a table below its row.
 * @param {ListedFile} file
 * @param {HTMLTableRowElement} row
 * @param {(text: string) => void} complain
 */
function columnsButton(file, row, complain) {
  const button = element("button", { text: "Columns", type: "button", className: "quiet" });
  button.setAttribute("aria-label", `Columns of ${file.filename}`);
  button.setAttribute("aria-expanded", "false");
  /** @type {HTMLTableRowElement | undefined} */
  let below;
  button.addEventListener("click", async () => {
    button.disabled = true;
    if (below) {
      below.remove();
      below = undefined;
    } else {
      const profile = await api.fetchProfile(file.file_id);
      if (profile && Array.isArray(profile.columns)) {
        const cell = element("td");
        cell.colSpan = row.cells.length;
        cell.append(profileView(profile));
        below = element("tr", { className: "below" });
        below.append(cell);
        row.after(below);
      } else {
        complain(`The profile of ${file.filename} cannot be read.`);
      }
    }
    button.setAttribute("aria-expanded", String(Boolean(below)));
    button.disabled = false;
  });
  return button;
}

/** @param {ListedFile} file */
function recentRow(file) {
  const row = element("tr");
  const badge = element("span", { text: file.status, className: "badge" });
  if (FINAL.has(file.status)) badge.classList.add(file.status);
  const state = element("td");
  state.append(badge);
  const actions = element("div", { className: "actions" });
  /** @param {string} text */
  const complain = (text) => { $("recent-note").textContent = text; $("recent-note").hidden = false; };
  if (file.status === "ready" && file.row_count != null) actions.append(columnsButton(file, row, complain));
  if (file.status === "ready") {
    for (const button of downloads(file, complain)) { button.className = "quiet"; actions.append(button); }
  }
  const remove = element("button", { text: "Delete", type: "button", className: "quiet" });
  remove.setAttribute("aria-label", `Delete ${file.filename}`);
  remove.addEventListener("click", async () => {
    if (!confirm(`Delete ${file.filename}?`)) return;
    await api.deleteFile(file.file_id).then(showRecent, (error) => complain(messageText(error)));
  });
  actions.append(remove);
  const last = element("td");
  last.append(actions);
  const name = element("td", { className: "name" });
  name.append(element("span", { text: file.filename, title: file.filename }));
  if (file.status === "failed") name.append(element("span", { text: reasonText(file.error), className: "hint" }));
  row.append(
    name,
    state,
    element("td", { text: countText(file.row_count) + rejectsText(file), className: "number" }),
    element("td", { text: sizeText(file.file_size_bytes), className: "number" }),
    element("td", { text: timeText(file.uploaded_at) }),
    last,
  );
  return row;
}

/**
 * Browsers do not know every extension by its type.
 * @param {string} name
 */
function typeOf(name) {
  /** @type {Record<string, string>} */
  const types = { csv: "text/csv", tsv: "text/tab-separated-values", gz: "application/gzip", json: "application/json", txt: "text/plain" };
  return types[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream";
}

function randomHex() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {FileList | null | undefined} files */
function accept(files) {
  for (const file of files ?? []) new UploadCard(file).run();
}

const chooser = $("chooser");
chooser.addEventListener("change", () => {
  accept(chooser.files);
  chooser.value = "";
});
const drop = $("drop");
// A file dropped beside the area must not replace the page.
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
drop.addEventListener("dragover", () => drop.classList.add("is-over"));
drop.addEventListener("dragleave", () => drop.classList.remove("is-over"));
drop.addEventListener("drop", (event) => {
  drop.classList.remove("is-over");
  accept(event.dataTransfer?.files);
});
$("refresh").addEventListener("click", showRecent);
$("session").addEventListener("submit", (event) => {
  event.preventDefault();
  api.useToken($("token").value.trim());
  $("token").value = "";
  $("session").hidden = true;
  showRecent();
});

$("session").hidden = await api.openSession();
showRecent();
