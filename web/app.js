// The page: choose or drop files, watch them become ready, take the results away.
// Text from outside goes into the page as text alone.

import * as api from "./api.js";
import { send } from "./transfer.js";

const $ = (id) => document.getElementById(id);
const STATES = ["pending", "uploading", "uploaded", "confirmed", "processing", "ready"];
const FINAL = new Set(["ready", "failed", "expired", "deleted"]);
const RECENT_MAX = 20;

const sizeText = (bytes) => {
  if (bytes == null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const exponent = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1000 ** exponent;
  return `${value.toFixed(exponent && value < 100 ? 1 : 0)} ${units[exponent]}`;
};
const countText = (count) => (count == null ? "–" : Number(count).toLocaleString());
const counted = (count, noun) => `${countText(count)} ${noun}${Number(count) === 1 ? "" : "s"}`;
const timeText = (time) => (time ? new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "–");
const reasonText = (error) => (typeof error === "string" ? error : error?.detail ?? error?.message ?? error?.code ?? "No reason was given.");
const announce = (text) => { $("announcer").textContent = text; };

/** An element with text and classes. */
function element(name, { text, className, ...rest } = {}) {
  const made = Object.assign(document.createElement(name), rest);
  if (text != null) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** One upload on the page. */
class UploadCard {
  constructor(file) {
    this.file = file;
    this.root = $("upload-template").content.firstElementChild.cloneNode(true);
    this.part = (selector) => this.root.querySelector(selector);
    this.part(".upload-name").textContent = file.name;
    this.part(".upload-size").textContent = sizeText(file.size);
    this.bar = this.part("progress");
    this.bar.setAttribute("aria-label", `Upload of ${file.name}`);
    this.stop = new AbortController();
    this.part(".cancel").addEventListener("click", () => this.stop.abort(new DOMException("Cancelled.", "AbortError")));
    $("uploads").prepend(this.root);
  }

  note(text) {
    this.part(".note").textContent = text;
  }

  state(state) {
    if (state === this.last) return;
    const reached = STATES.indexOf(state);
    // A failure is shown at the step that it happened in.
    const now = reached >= 0 ? reached : Math.max(STATES.indexOf(this.last), 0);
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
      const request = { filename: file.name, content_type: file.type || typeOf(file.name), file_size_bytes: file.size };
      if ($("category").value.trim()) request.category = $("category").value.trim();
      if ($("strategy").value) request.strategy = $("strategy").value;
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
      this.state(confirmed?.status ?? "confirmed");
      await this.watch(signed.file_id);
    } catch (error) {
      this.fail(error.name === "AbortError" ? "Cancelled." : error instanceof api.Failure ? error.message : "Something unexpected went wrong. The browser's console says more.");
      if (!(error instanceof api.Failure) && error.name !== "AbortError") console.error(error);
    } finally {
      this.part(".cancel").hidden = true;
      showRecent();
    }
  }

  progress(bytes, started) {
    this.bar.value = this.file.size ? bytes / this.file.size : 1;
    const seconds = (performance.now() - started) / 1000;
    const speed = seconds > 0.5 ? `, ${sizeText(bytes / seconds)}/s` : "";
    this.note(`${sizeText(bytes)} of ${sizeText(this.file.size)}${speed}`);
  }

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

  fail(text) {
    // How much was sent matters only where sending stopped.
    this.bar.hidden = this.last !== "uploading";
    this.state("failed");
    this.root.classList.add("is-bad");
    this.note(text);
  }

  async ready(file) {
    this.state("ready");
    this.bar.hidden = true;
    const isTable = file.row_count != null;
    this.part(".result").hidden = false;
    this.part(".summary").append(element("strong", { text: isTable ? counted(file.row_count, "row") : "Checked and ready" }));
    this.part(".actions").append(...downloads(file, (text) => this.note(text)));
    if (!isTable) return;
    const profile = await api.fetchProfile(file.file_id);
    if (Array.isArray(profile?.columns)) this.profile(profile);
  }

  profile({ columns, rejects }) {
    const words = `, ${counted(columns.length, "column")}${rejects ? `, ${counted(rejects, "row")} rejected` : ""}`;
    this.part(".summary").append(words);
    const rows = columns.map((column) => {
      const row = element("tr");
      row.append(
        element("th", { text: column.name, scope: "row" }),
        element("td", { text: column.type ?? "", className: "type" }),
        element("td", { text: countText(column.nulls ?? column.null_count), className: "number" }),
        valueCell(column.min),
        valueCell(column.max),
      );
      return row;
    });
    this.part(".profile tbody").replaceChildren(...rows);
    this.part(".profile").hidden = false;
  }
}

function valueCell(value) {
  const text = value == null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return element("td", { text, title: text, className: "value" });
}

/** Buttons that ask for a fresh URL when pressed, for one made now may have run out by then. */
function downloads(file, complain) {
  const variants = [["original", "Original"]];
  if (file.row_count != null) variants.unshift(["parquet", "Parquet"]);
  return variants.map(([variant, label], index) => {
    const button = element("button", { text: `↓ ${label}`, type: "button", className: index ? "quiet" : "" });
    button.setAttribute("aria-label", `Download ${file.filename ?? file.file_id} as ${label}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const { url } = await api.downloadUrl(file.file_id, variant);
        // An attachment: the page stays.
        element("a", { href: url, rel: "noreferrer" }).click();
      } catch (error) {
        complain(error.message);
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
  let files;
  try {
    ({ files } = await api.listFiles(RECENT_MAX));
  } catch (error) {
    if (turn !== recentTurn) return;
    note.textContent = error.status === 401 && !api.hasToken() ? "Give a token to see your files." : error.message;
    $("recent-scroll").hidden = true;
    $("session").hidden &&= error.status !== 401;
    note.hidden = false;
    return;
  }
  if (turn !== recentTurn) return;
  note.textContent = "Nothing yet. What you upload shows up here.";
  note.hidden = files.length > 0;
  $("recent-scroll").hidden = files.length === 0;
  $("recent").replaceChildren(...files.map(recentRow));
}

function recentRow(file) {
  const row = element("tr");
  const badge = element("span", { text: file.status, className: "badge" });
  if (FINAL.has(file.status)) badge.classList.add(file.status);
  const state = element("td");
  state.append(badge);
  const actions = element("div", { className: "actions" });
  const complain = (text) => { $("recent-note").textContent = text; $("recent-note").hidden = false; };
  if (file.status === "ready") {
    for (const button of downloads(file, complain)) { button.className = "quiet"; actions.append(button); }
  }
  const remove = element("button", { text: "Delete", type: "button", className: "quiet" });
  remove.setAttribute("aria-label", `Delete ${file.filename ?? file.file_id}`);
  remove.addEventListener("click", async () => {
    if (!confirm(`Delete ${file.filename ?? file.file_id}?`)) return;
    await api.deleteFile(file.file_id).then(showRecent, (error) => complain(error.message));
  });
  actions.append(remove);
  const last = element("td");
  last.append(actions);
  const name = element("td", { className: "name" });
  name.append(element("span", { text: file.filename ?? file.file_id, title: file.filename ?? "" }));
  if (file.status === "failed") name.append(element("span", { text: reasonText(file.error), className: "hint" }));
  row.append(
    name,
    state,
    element("td", { text: countText(file.row_count), className: "number" }),
    element("td", { text: sizeText(file.file_size_bytes), className: "number" }),
    element("td", { text: timeText(file.uploaded_at) }),
    last,
  );
  return row;
}

/** Browsers do not know every extension by its type. */
function typeOf(name) {
  const types = { csv: "text/csv", tsv: "text/tab-separated-values", gz: "application/gzip", json: "application/json", txt: "text/plain" };
  return types[name.split(".").pop().toLowerCase()] ?? "application/octet-stream";
}

function randomHex() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function accept(files) {
  for (const file of files) new UploadCard(file).run();
}

$("chooser").addEventListener("change", (event) => {
  accept(event.target.files);
  event.target.value = "";
});
const drop = $("drop");
// A file dropped beside the area must not replace the page.
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
drop.addEventListener("dragover", () => drop.classList.add("is-over"));
drop.addEventListener("dragleave", () => drop.classList.remove("is-over"));
drop.addEventListener("drop", (event) => {
  drop.classList.remove("is-over");
  accept(event.dataTransfer.files);
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
