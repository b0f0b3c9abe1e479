// Files to upload, the same in every run.

const CITIES = ["Vienna", "Graz", "Linz", "Salzburg", "Innsbruck", "Klagenfurt"];

/** A table of 2,000 rows; `columns` are the names with their nulls. */
export function cities() {
  const rows = 2000;
  const lines = ["id,city,population,share,founded,note"];
  for (let row = 1; row <= rows; row++) {
    const day = String(1 + (row % 28)).padStart(2, "0");
    const population = row % 10 ? 1000 + row * 7 : "";
    lines.push(`${row},${CITIES[row % CITIES.length]},${population},${(row / 8).toFixed(3)},2024-03-${day},${row % 4 ? "" : `"say ""${row}"", please"`}`);
  }
  const columns = [["id", 0], ["city", 0], ["population", 200], ["share", 0], ["founded", 0], ["note", 1500]];
  return { text: `${lines.join("\n")}\n`, rows, columns };
}

/** A table of at least so many bytes. */
export function measurements(bytes) {
  const lines = ["id,station,value"];
  let length = lines[0].length + 1;
  for (let row = 1; length < bytes; row++) {
    const line = `${row},station-${row % 97},${(row * 0.37).toFixed(2)}`;
    lines.push(line);
    length += line.length + 1;
  }
  return { text: `${lines.join("\n")}\n`, rows: lines.length - 1 };
}

/** Bytes without any meaning, from a linear congruential generator. */
export function noise(length) {
  const bytes = new Uint8Array(length);
  let state = 12345;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}
