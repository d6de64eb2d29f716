// Charts: `<figure data-chart="bars">` holds an empty `.plot` and a table with the same figures, or
// several tables and a radio button for each, of which one is drawn at a time.
// The first column is the axis, a day in `<time datetime>`; every column whose head has
// `data-series` is drawn. `data-value` is a cell's bare number, `data-unit` of the head how it is
// worded.

import uPlot from "/assets/vendor/uplot.js";

const SERIES = ["--series-1", "--series-2", "--series-3", "--series-4"];
/** What may lie between two labels of the days, in seconds. */
const STEPS = [1, 2, 5, 7, 14, 30].map((days) => days * 86_400);
/** What may lie between two labels of a count, which has no halves. */
const COUNTS = Array.from({ length: 15 }, (_, zeros) => [1, 2, 5].map((it) => it * 10 ** zeros));
const compact = new Intl.NumberFormat("en-US", { notation: "compact" });
const dollars = new Intl.NumberFormat("en-US", {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 4,
});
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" });

/** What a chart leaves to its legend, which takes two lines where there is little room. */
const legend = (box) => (box.clientWidth < 480 ? 76 : 40);

/** How a number of a column is worded. */
const words = { usd: (value) => dollars.format(value), count: (value) => compact.format(value) };

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The table's figures, oldest first: `{ days, columns: [{ label, unit, values }] }`. */
function read(table) {
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows].reverse();
  const days = rows.map((row) => Date.parse(row.cells[0].querySelector("time").dateTime) / 1000);
  const drawn = heads.flatMap((head, at) => ("series" in head.dataset ? [{ head, at }] : []));
  const columns = drawn.map(({ head, at }, place) => ({
    colour: SERIES[place % SERIES.length],
    label: head.textContent,
    unit: words[head.dataset.unit] ?? words.count,
    values: rows.map((row) => Number(row.cells[at].dataset.value)),
  }));
  return { days, columns };
}

/** Each column stands upon the one before it, so that the whole bar is their sum. */
function stacked(columns) {
  let below = columns[0].values.map(() => 0);
  return columns.map(({ values }) => (below = below.map((sum, at) => sum + values[at])));
}

function axis(values, upright) {
  const stroke = colour("--soft");
  const grid = { stroke: colour("--line"), width: 1, show: upright };
  return { stroke, grid, ticks: { show: false }, size: upright ? 64 : 32, values };
}

function options(kind, { columns }, box) {
  const series = columns.map(({ label, unit, values, colour: its }) => {
    const stroke = colour(its);
    const bars = kind === "bars" && uPlot.paths.bars({ size: [0.7, 40], gap: 1, radius: 0.15 });
    const own = (_, __, ___, index) => (index === null ? "–" : unit(values[index]));
    const look = bars ? { fill: stroke, paths: bars, points: { show: false } } : {};
    return { label, stroke, width: bars ? 0 : 2, value: own, ...look };
  });
  const whole = columns[0].unit === words.count ? { incrs: COUNTS.flat() } : {};
  const shown = (_, ticks) => ticks.map((tick) => columns[0].unit(tick));
  const dates = (_, ticks) => ticks.map((tick) => day.format(new Date(tick * 1000)));
  const when = (_, second) => (second === null ? "–" : day.format(new Date(second * 1000)));
  return {
    width: box.clientWidth,
    height: box.clientHeight - legend(box),
    tzDate: (second) => uPlot.tzDate(new Date(second * 1000), "Etc/UTC"),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
    axes: [
      { ...axis(dates, false), space: 70, incrs: STEPS },
      { ...axis(shown, true), ...whole },
    ],
    // The tallest is drawn first and the others upon it.
    series: [{ label: "Day", value: when }, ...series],
  };
}

function draw(figure, box, figures) {
  const kind = figure.dataset.chart;
  const plain = figures.columns.map((column) => column.values);
  const values = kind === "bars" ? stacked(figures.columns) : plain;
  const order = { ...figures, columns: [...figures.columns].reverse() };
  box.replaceChildren();
  return new uPlot(options(kind, order, box), [figures.days, ...values.reverse()], box);
}

function begin(figure) {
  const box = figure.querySelector(".plot");
  const tables = [...figure.querySelectorAll("table")];
  if (!box || !tables[0]?.tBodies[0]?.rows.length) return;
  const all = tables.map(read);
  const chosen = () => all[figure.querySelector("input[type=radio]:checked")?.value ?? 0];
  let plot = draw(figure, box, chosen());
  const again = () => {
    plot.destroy();
    plot = draw(figure, box, chosen());
  };
  figure.addEventListener("change", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new ResizeObserver(() => {
    plot.setSize({ width: box.clientWidth, height: box.clientHeight - legend(box) });
  }).observe(box);
}

for (const figure of document.querySelectorAll("figure[data-chart]")) begin(figure);
