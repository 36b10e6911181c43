// A latency plot as SVG: share of the deliveries (0 … 99.9 %, as nines) against milliseconds, both logarithmic.
const WIDTH = 860;
const HEIGHT = 480;
const MARGIN = { left: 70, right: 190, top: 50, bottom: 60 };
const COLOURS = ['#0b6e99', '#d9730d', '#448361', '#9065b0'];
const SHARES = [0, 0.5, 0.9, 0.99, 0.999, 0.9999];

/** `series` is `[{ label, points: [[p, ms], …] }]`. */
export function latencyPlot(title, series) {
  const all = series.flatMap(({ points }) => points);
  const values = all.map(([, value]) => value);
  const decades = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const nines = Math.max(...all.map(([p]) => ninesOf(p)));
  const x = (p) => MARGIN.left + (ninesOf(p) / nines) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value) => {
    const share = (Math.log10(value) - decades[0]) / (decades[1] - decades[0]);
    return HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="26" font-size="15">${escaped(title)}</text>`,
    ...shareLines(x, nines),
    ...decadeLines(y, decades),
    ...series.map((one, index) => curve(one, index, { x, y })),
    '</svg>\n',
  ].join('\n');
}

const ninesOf = (p) => -Math.log10(1 - Math.min(p, 0.99999));

function shareLines(x, nines) {
  const bottom = HEIGHT - MARGIN.bottom;
  const shown = SHARES.filter((p) => ninesOf(p) <= nines);
  return [
    ...shown.map(
      (p) =>
        `<line x1="${x(p)}" x2="${x(p)}" y1="${MARGIN.top}" y2="${bottom}" stroke="#ddd"/>` +
        `<text x="${x(p)}" y="${bottom + 20}" text-anchor="middle">${Number((p * 100).toFixed(2))} %</text>`,
    ),
    `<text x="${MARGIN.left}" y="${HEIGHT - 14}">share of deliveries that are at least as quick</text>`,
  ];
}

function decadeLines(y, [lowest, highest]) {
  const right = WIDTH - MARGIN.right;
  return Array.from({ length: highest - lowest + 1 }, (_, index) => 10 ** (lowest + index)).map(
    (value) =>
      `<line x1="${MARGIN.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 8}" y="${y(value) + 4}" text-anchor="end">${value} ms</text>`,
  );
}

function curve({ label, points }, index, { x, y }) {
  const colour = COLOURS[index % COLOURS.length];
  const path = points.map(([p, value]) => `${x(p).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const dash = index % 2 === 1 ? ' stroke-dasharray="6 4"' : '';
  const textY = MARGIN.top + 16 + index * 20;
  return (
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>` +
    `<text x="${WIDTH - MARGIN.right + 14}" y="${textY}" fill="${colour}">${escaped(label)}</text>`
  );
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
