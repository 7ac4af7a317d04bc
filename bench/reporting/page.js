// Draws the growth curves, again when the width or the colours of the page change.
'use strict';

const curves = JSON.parse(document.getElementById('curves').textContent);
const places = [...document.querySelectorAll('.curve')];
const dashes = [[], [6, 4], [2, 3], [10, 4, 2, 4]];
const peerColours = 5;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function styleOf(line, peer) {
  if (line.kind === 'ours') return { stroke: colour('--ours'), width: 3.5 };
  if (line.kind === 'raw') return { stroke: colour('--faint'), width: 2, dash: dashes[1] };
  return {
    stroke: colour(`--peer-${1 + peer % peerColours}`),
    width: 2,
    dash: dashes[Math.floor(peer / peerColours) % dashes.length],
  };
}

function axis(label, ticks) {
  return {
    label,
    labelSize: 20,
    labelFont: '13px system-ui, sans-serif',
    font: '12px system-ui, sans-serif',
    stroke: colour('--faint'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
    splits: () => ticks.map(([value]) => value),
    filter: (_, splits) => splits,
    values: () => ticks.map(([, words]) => words),
  };
}

// All points and ticks, with a little air around them.
function scale(values, ticks) {
  const all = values.concat(ticks.map(([value]) => value));
  return { distr: 3, time: false, range: [Math.min(...all) / 1.15, Math.max(...all) * 1.15] };
}

function draw(place) {
  const curve = curves[place.dataset.curve];
  const ys = curve.data.slice(1).flat().filter((value) => value !== null);
  let peers = 0;
  const series = curve.lines.map((line) => {
    const style = styleOf(line, line.kind === 'peer' ? peers++ : 0);
    return {
      label: line.name,
      spanGaps: true,
      points: { show: true, size: 6, fill: style.stroke },
      value: (_, __, ___, point) => line.words[point] ?? '',
      ...style,
    };
  });
  place.replaceChildren();
  return new uPlot({
    width: place.clientWidth,
    height: 340,
    scales: { x: scale(curve.data[0], curve.xTicks), y: scale(ys, curve.yTicks) },
    axes: [
      { ...axis(curve.x, curve.xTicks), size: 34 },
      { ...axis(curve.y, curve.yTicks), size: 70 },
    ],
    legend: { markers: { width: 0, fill: (plot, at) => series[at - 1].stroke } },
    cursor: { drag: { x: false, y: false }, y: false },
    series: [
      { label: curve.x, value: (_, __, ___, point) => (point === null ? '' : curve.xWords[point]) },
      ...series,
    ],
  }, curve.data, place);
}

let plots = [];
function drawAll() {
  for (const plot of plots) plot.destroy();
  plots = places.map(draw);
}

drawAll();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
let width = innerWidth;
addEventListener('resize', () => {
  if (innerWidth !== width) drawAll();
  width = innerWidth;
});
