// Where a distance falls: the two histograms behind it, and the threshold between them.
import { figure, h } from "/page/dom.js";

const WIDTH = 640, HEIGHT = 192, FLOOR = 140, BINS = 48;

// Shares of pairs in bins, from the distances at the shares 0, 0.01 … 1.
function histogram(quantiles, top) {
  const below = (x) => {
    if (x <= quantiles[0]) return 0;
    if (x >= quantiles[100]) return 1;
    const i = quantiles.findIndex((q) => q > x);
    const [a, b] = [quantiles[i - 1], quantiles[i]];
    return (i - 1 + (x - a) / (b - a || 1)) / 100;
  };
  return Array.from({ length: BINS }, (_, i) => below(((i + 1) * top) / BINS) - below((i * top) / BINS));
}

function area(shares, highest) {
  const x = (i) => (i * WIDTH) / BINS;
  const y = (share) => FLOOR - (share / highest) * (FLOOR - 22);
  const steps = shares.map((share, i) => `L${x(i).toFixed(1)} ${y(share).toFixed(1)}L${x(i + 1).toFixed(1)} ${y(share).toFixed(1)}`);
  return `M0 ${FLOOR}${steps.join("")}L${WIDTH} ${FLOOR}Z`;
}

export function gauge(card, distance) {
  const threshold = card.rule?.threshold;
  if (threshold === undefined) return null;
  const spread = card.spread;
  const furthest = spread ? Math.max(spread.impostor[98], spread.genuine[98]) : 2 * threshold;
  const top = Math.max(furthest, threshold * 1.25, distance === null ? 0 : distance * 1.05) || 1;
  const x = (d) => Math.min(WIDTH - 1, Math.max(1, (d / top) * WIDTH));
  const parts = [];
  if (spread) {
    const genuine = histogram(spread.genuine, top), impostor = histogram(spread.impostor, top);
    const highest = Math.max(...genuine, ...impostor);
    parts.push(h("path", { class: "genuine", d: area(genuine, highest) }), h("path", { class: "impostor", d: area(impostor, highest) }));
  }
  parts.push(h("line", { class: "axis", x1: 0, x2: WIDTH, y1: FLOOR, y2: FLOOR }),
    h("line", { class: "threshold", x1: x(threshold), x2: x(threshold), y1: 8, y2: FLOOR + 6 }),
    h("text", { x: x(threshold), y: FLOOR + 20, "text-anchor": place(x(threshold)) }, `threshold ${figure(threshold)}`));
  if (distance !== null)
    parts.push(h("line", { class: "here", x1: x(distance), x2: x(distance), y1: 18, y2: FLOOR + 6 }),
      h("text", { class: "here", x: x(distance), y: 12, "text-anchor": place(x(distance)) }, `this pair ${figure(distance)}`));
  parts.push(h("text", { x: 0, y: HEIGHT - 4 }, "← more alike"), h("text", { x: WIDTH, y: HEIGHT - 4, "text-anchor": "end" }, "less alike →"));
  const label = distance === null ? `threshold ${figure(threshold)}` : `distance ${figure(distance)}, threshold ${figure(threshold)}`;
  return h("figure", {}, h("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, ...parts),
    spread ? h("small", {}, "Blue: pairs of the same. Orange: pairs of different ones. Both as they were when the threshold was learned.") : null);
}

const place = (x) => (x < 90 ? "start" : x > WIDTH - 90 ? "end" : "middle");

export function curve(card) {
  if (!card.curve) return null;
  const top = card.curve[card.curve.length - 1][0] || 1;
  const x = (d) => 30 + (d / top) * (WIDTH - 40), y = (p) => 12 + (1 - p) * (FLOOR - 20);
  const path = card.curve.map(([d, p], i) => `${i ? "L" : "M"}${x(d).toFixed(1)} ${y(p).toFixed(1)}`).join("");
  const lines = [0, 0.5, 1].map((p) => [h("line", { class: "axis", x1: 30, x2: WIDTH - 10, y1: y(p), y2: y(p) }), h("text", { x: 24, y: y(p) + 4, "text-anchor": "end" }, p)]);
  return h("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Probability of being the same, by distance" },
    ...lines.flat(), h("path", { class: "curve", d: path }),
    h("line", { class: "threshold", x1: x(card.rule.threshold), x2: x(card.rule.threshold), y1: 8, y2: FLOOR }),
    h("text", { x: x(card.rule.threshold), y: FLOOR + 14, "text-anchor": "middle" }, "threshold"),
    h("text", { x: WIDTH - 10, y: HEIGHT - 4, "text-anchor": "end" }, "distance →"));
}
