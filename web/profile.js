// A profile as tables: one row for each column, and the first rows of the file.
// Text from outside goes into the page as text alone.

import { counted, countText, element } from "./dom.js";

/**
 * What the page shows of a profile, which the ingest writes into the bucket. It is a file, no part of the wire. Builds before this one wrote
 * fewer fields.
 * @typedef {{
 *   name: string, type: string, nulls: number, min: unknown, max: unknown, mean?: number | null,
 *   distinct?: { count: number, exact: boolean }, histogram?: { from: unknown, to: unknown, counts: number[] },
 *   top_values?: { value: unknown, count: number }[],
 * }} Column
 * @typedef {{ rows: number, columns: Column[], first_rows?: (string | null)[][] }} Profile
 */

const SVG = "http://www.w3.org/2000/svg";
/** The height of a histogram, and the width of a bar and of the gap beside it. */
const [HEIGHT, BAR, GAP] = [24, 5, 1];

/** @param {unknown} value */
const valueText = (value) => (value == null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));

/** @param {unknown} value */
function valueCell(value) {
  const text = valueText(value);
  return element("td", { text, title: text, className: "value" });
}

/** @param {Column} column */
function distinctCell({ distinct }) {
  const text = distinct ? `${distinct.exact ? "" : "about "}${countText(distinct.count)}` : "–";
  return element("td", { text, className: "number" });
}

/**
 * Bars for the numbers of values, from the smallest value to the largest.
 * @param {NonNullable<Column["histogram"]>} histogram
 */
function bars({ from, to, counts }) {
  const most = Math.max(...counts, 1);
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${counts.length * (BAR + GAP)} ${HEIGHT}`);
  picture.setAttribute("class", "histogram");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `Values from ${valueText(from)} to ${valueText(to)}, in ${counted(counts.length, "bin")}: ${counts.join(", ")}`);
  counts.forEach((count, index) => {
    const height = count && Math.max((count / most) * HEIGHT, 1);
    const bar = document.createElementNS(SVG, "rect");
    /** @type {[string, number][]} */
    const places = [["x", index * (BAR + GAP)], ["y", HEIGHT - height], ["width", BAR], ["height", height]];
    for (const [name, value] of places) bar.setAttribute(name, String(value));
    picture.append(bar);
  });
  return picture;
}

/**
 * How the values are spread: bars of numbers and days, the most frequent of others.
 * @param {Column} column
 */
function spreadCell({ histogram, top_values: top = [] }) {
  const cell = element("td", { className: "value" });
  if (histogram) cell.append(bars(histogram));
  else if (top.length) {
    const text = top.slice(0, 3).map(({ value, count }) => `${valueText(value)} (${countText(count)})`).join(", ");
    cell.textContent = cell.title = text;
  }
  return cell;
}

/** @param {string[]} names */
function headRow(names) {
  const row = element("tr");
  for (const name of names) row.append(element("th", { text: name, scope: "col" }));
  return row;
}

/** @param {Profile} profile */
function firstRows({ columns, first_rows: rows = [] }) {
  const [table, head, body] = [element("table"), element("thead"), element("tbody")];
  head.append(headRow(columns.map((column) => column.name)));
  for (const cells of rows) {
    const row = element("tr");
    for (const cell of cells) row.append(valueCell(cell));
    body.append(row);
  }
  table.append(element("caption", { text: "The first rows", className: "visually-hidden" }), head, body);
  const [details, scroll] = [element("details"), element("div", { className: "scroll" })];
  scroll.append(table);
  details.append(element("summary", { text: `First ${counted(rows.length, "row")}` }), scroll);
  return details;
}

/**
 * The tables of a profile.
 * @param {Profile} profile
 */
export function profileView(profile) {
  const view = element("div", { className: "profile" });
  const [scroll, table, head, body] = [element("div", { className: "scroll" }), element("table"), element("thead"), element("tbody")];
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Profile");
  scroll.tabIndex = 0;
  head.append(headRow(["Column", "Type", "Nulls", "Min", "Max", "Distinct", "Spread"]));
  for (const column of profile.columns) {
    const row = element("tr");
    row.append(
      element("th", { text: column.name, scope: "row" }),
      element("td", { text: column.type, className: "type" }),
      element("td", { text: countText(column.nulls), className: "number" }),
      valueCell(column.min),
      valueCell(column.max),
      distinctCell(column),
      spreadCell(column),
    );
    body.append(row);
  }
  table.append(element("caption", { text: "What was found in each column", className: "visually-hidden" }), head, body);
  scroll.append(table);
  view.append(scroll);
  if (profile.first_rows?.length) view.append(firstRows(profile));
  return view;
}
