// The conversion in V8, which is the engine of workerd: node convert.mjs FOLDER IN OUT. The folder has the module. The run
// fails where the module has grown past the memory that a Worker may have for a table.
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const CHUNK_BYTES = 256 * 1024;
const MEMORY_BYTES_MAX = 64 * 1024 * 1024;

const [folder, from, to] = process.argv.slice(2);
const { Conversion, initSync } = await import(pathToFileURL(join(folder, "module.js")).href);
const { memory } = initSync({ module: readFileSync(join(folder, "module_bg.wasm")) });
const source = openSync(from, "r");
const target = openSync(to, "w");
const conversion = new Conversion();
const chunk = Buffer.alloc(CHUNK_BYTES);
for (let length; (length = readSync(source, chunk)) > 0; ) {
    writeSync(target, conversion.push(chunk.subarray(0, length)));
}
writeSync(target, conversion.finish());
closeSync(source);
closeSync(target);
const { byteLength } = memory.buffer;
if (byteLength > MEMORY_BYTES_MAX) {
    throw new Error(`the module has ${byteLength} bytes of memory, more than ${MEMORY_BYTES_MAX}`);
}
