// Reads Parquet files by one library: `node read_node.mjs MODULES LIBRARY FOLDER NAME…`, as read_python.py does. MODULES is the folder
// of node_modules; LIBRARY is a name of package.json.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, library, folder, ...names] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(modules, "any.js")));
const load = (name) => import(pathToFileURL(join(modules, name)).href);

const pad = (number, width = 2) => String(number).padStart(width, "0");
const MICROS = 1_000_000n;
const DAY = 86_400n * MICROS;

function clock(micros) {
  const seconds = micros / MICROS;
  return `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}.${pad(micros % MICROS, 6)}`;
}

function day(days) {
  const date = new Date(Number(days) * 86_400_000);
  return `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
}

function moment(micros) {
  const within = ((micros % DAY) + DAY) % DAY;
  return `${day((micros - within) / DAY)}T${clock(within)}`;
}

function decimal(value, scale) {
  const digits = pad(value < 0n ? -value : value, scale + 1);
  const cut = digits.length - scale;
  return (value < 0n ? "-" : "") + (scale > 0 ? `${digits.slice(0, cut)}.${digits.slice(cut)}` : digits);
}

function double(value) {
  if (Number.isNaN(value)) return "NaN";
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return pad(view.getBigUint64(0).toString(16), 16);
}

const other = (value) => `${typeof value} ${value}`;

/** The normal form of what hyparquet returns: a value of JavaScript. */
function ofHyparquet(value, kind) {
  if (value === null || value === undefined) return null;
  if (kind === "text") return typeof value === "string" ? value : other(value);
  if (kind === "int64") return typeof value === "bigint" ? String(value) : other(value);
  if (kind === "boolean") return String(value);
  if (kind === "float64") return double(value);
  if (value instanceof Date && kind === "date") return day(Math.floor(value.getTime() / 86_400_000));
  // A Date has milliseconds: what is behind them is gone.
  if (value instanceof Date) return moment(BigInt(value.getTime()) * 1000n);
  if (kind === "time" && typeof value === "bigint") return clock(value);
  return other(value);
}

/** The normal form of a value of Arrow, taken from its buffers: what JavaScript makes of them is another matter. */
function ofArrow(vector, kind) {
  const cells = [];
  for (const data of vector.data) {
    const { values, type, stride } = data;
    const parts = (at) => values.subarray(at * stride, (at + 1) * stride);
    const wide = (at) => BigInt.asIntN(32 * stride, parts(at).reduceRight((sum, part) => (sum << 32n) | BigInt(part >>> 0), 0n));
    const forms = {
      int64: (at) => String(values[at]),
      decimal: (at) => decimal(wide(at), type.scale),
      float64: (at) => double(values[at]),
      date: (at) => day(values[at]),
      time: (at) => clock(values[at]),
      timestamp: (at) => moment(values[at]),
      timestamp_utc: (at) => moment(values[at]),
    };
    const start = cells.length;
    for (let at = 0; at < data.length; at += 1) {
      const form = forms[kind] ?? (() => String(vector.get(start + at)));
      cells.push(data.getValid(at) ? form(at) : null);
    }
  }
  return cells;
}

async function hyparquet() {
  const [{ parquetReadObjects }, { compressors }] = [
    await load("hyparquet/src/node.js"),
    await load("hyparquet-compressors/src/index.js"),
  ];
  return async (bytes, kinds) => {
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const rows = await parquetReadObjects({ file, compressors });
    const names = Object.keys(rows[0] ?? {});
    return names.map((name, at) => rows.map((row) => ofHyparquet(row[name], kinds[at])));
  };
}

async function parquetWasm() {
  const { tableFromIPC } = require("apache-arrow");
  const { readParquet } = await load(`${library}/node/parquet_wasm.js`);
  return async (bytes, kinds) => {
    const table = tableFromIPC(readParquet(bytes).intoIPCStream());
    return kinds.map((kind, at) => ofArrow(table.getChildAt(at), kind));
  };
}

const { version } = JSON.parse(readFileSync(join(modules, library, "package.json"), "utf8"));
const read = await (library === "hyparquet" ? hyparquet() : parquetWasm());
for (const name of names) {
  const stem = join(folder, name);
  const kinds = JSON.parse(readFileSync(`${stem}.kinds.json`, "utf8"));
  let answer;
  try {
    answer = { columns: await read(readFileSync(`${stem}.parquet`), kinds) };
  } catch (error) {
    answer = { error: String(error).slice(0, 300) };
  }
  writeFileSync(`${stem}.${library}.json`, JSON.stringify({ version, ...answer }));
}
