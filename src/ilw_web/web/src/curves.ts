// Lines of several runs or episodes in one picture, drawn as SVG; a line breaks where nothing is known.
import {el} from './dom';

export interface Line { name: string; points: [number, number | null][] }

const WIDE = 420, HIGH = 160, LEFT = 52, BELOW = 18, MARGIN = 6;
const SVG = 'http://www.w3.org/2000/svg';

export function curves(title: string, lines: Line[], low?: number, high?: number): HTMLElement {
  const all = lines.flatMap((line) => line.points.filter(known));
  if (!all.length) return el('p', {}, `${title}: nothing measured yet.`);
  const right = Math.max(...all.map(([x]) => x)), left = Math.min(0, ...all.map(([x]) => x));
  const bottom = low ?? Math.min(...all.map(([, y]) => y)), top = high ?? Math.max(...all.map(([, y]) => y));
  const x = (value: number): number => LEFT + (value - left) / (right - left || 1) * (WIDE - LEFT - MARGIN);
  const y = (value: number): number => HIGH - BELOW - (value - bottom) / (top - bottom || 1) * (HIGH - BELOW - MARGIN);
  const svg = make('svg', {viewBox: `0 0 ${WIDE} ${HIGH}`, class: 'curves', role: 'img', 'aria-label': title});
  for (const value of [bottom, top]) {
    svg.append(make('line', {x1: LEFT, x2: WIDE, y1: y(value), y2: y(value), class: 'grid'}),
      text(short(value), LEFT - 4, y(value) + 4, 'end'));
  }
  svg.append(text(short(left), LEFT, HIGH - 4, 'start'), text(short(right), WIDE, HIGH - 4, 'end'));
  lines.forEach((line, i) => {
    const points = line.points.filter(known);
    for (const piece of pieces(line.points)) {
      svg.append(make('polyline', {class: `run c${i % 8}`,
        points: piece.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')}));
    }
    if (points.length < 40) {
      svg.append(...points.map(([at, value]) => make('circle', {cx: x(at), cy: y(value), r: 2.5, class: `dot c${i % 8}`})));
    }
  });
  return el('figure', {}, el('figcaption', {}, title), svg, ...(lines.length > 1 ? [el('ul', {className: 'keys'},
    ...lines.map((line, i) => el('li', {className: `key c${i % 8}`}, line.name)))] : []));
}

type Known = [number, number];

function known(point: [number, number | null]): point is Known {
  return Number.isFinite(point[0]) && Number.isFinite(point[1]);
}

// What is drawn without a gap.
export function pieces(points: [number, number | null][]): Known[][] {
  const found: Known[][] = [[]];
  for (const point of points) {
    if (known(point)) found.at(-1)!.push(point);
    else if (found.at(-1)!.length) found.push([]);
  }
  return found.filter((piece) => piece.length);
}

function make(name: string, given: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(given)) made.setAttribute(key, String(value));
  return made;
}

function text(said: string, x: number, y: number, anchor: string): SVGElement {
  const made = make('text', {x, y, 'text-anchor': anchor});
  made.textContent = said;
  return made;
}

function short(value: number): string { return Number(value.toPrecision(3)).toString(); }
