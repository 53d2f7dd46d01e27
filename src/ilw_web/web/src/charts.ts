// What is asked for, applied and observed over the last seconds, each with its limits.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import {el} from './dom';
import type {Field, Hello, Link} from './link';

const WINDOW_S = 12;
const REDRAW_MS = 100;
const HEIGHT = 120;
const SHOWN = 4;

interface Row { at: number; values: (number | null)[] }

class Chart {
  readonly element: HTMLElement;
  private readonly plot: uPlot;

  constructor(field: Field, labels: string[]) {
    const unit = field.unit ? ` [${field.unit}]` : '';
    const axis = {stroke: colour('--text'), grid: {stroke: colour('--line')}, size: 44};
    this.element = el('figure', {}, el('figcaption', {}, field.name + unit));
    const limit = (label: string): uPlot.Series => ({
      label, stroke: colour('--bad'), dash: [4, 4], points: {show: false}});
    this.plot = new uPlot({
      width: 300, height: HEIGHT, legend: {show: false}, cursor: {show: false},
      scales: {x: {time: false, range: [-WINDOW_S, 0]},
        y: {range: (_plot, low, high) => [Math.min(low, field.low), Math.max(high, field.high)]}},
      axes: [{...axis, size: 24, values: (_plot, ticks) => ticks.map((tick) => `${tick}`)}, axis],
      series: [{}, limit('low'), limit('high'), ...labels.map((label, i) => ({
        label, stroke: colour(i ? '--good' : '--accent'), width: 1.5, points: {show: false}}))],
    }, [[], [], [], ...labels.map(() => [])] as uPlot.AlignedData, this.element);
    this.field = field;
  }

  private readonly field: Field;

  show(rows: Row[], ...columns: number[]): void {
    const width = Math.floor(this.element.clientWidth);
    if (!width) return;
    if (width !== this.plot.width) this.plot.setSize({width, height: HEIGHT});
    const now = performance.now() / 1000;
    const low = rows.map(() => this.field.low), high = rows.map(() => this.field.high);
    this.plot.setData([rows.map((row) => row.at - now), low, high,
      ...columns.map((at) => rows.map((row) => row.values[at] ?? null))] as uPlot.AlignedData);
  }
}

export class Charts {
  readonly element: HTMLElement;
  private readonly told: Row[] = [];
  private readonly seen: Row[] = [];
  private readonly actions: Chart[];
  private observed: [Chart, number][] = [];
  private dirty = false;

  constructor(link: Link, private readonly hello: Hello) {
    this.actions = hello.action.map((field) => new Chart(field, ['asked for', 'applied']));
    const room = el('div', {className: 'charts'});
    const names = hello.observation.map((field) => field.name);
    const first = Math.max(0, names.length - SHOWN);  // what is after the lidar says the most
    const choice = el('select', {multiple: true, size: 4, 'aria-label': 'Observations to draw'},
      ...names.map((name, i) => el('option', {value: String(i), selected: i >= first}, name)));
    const choose = (): void => {
      this.observed = [...choice.selectedOptions].slice(0, 8).map((each) => {
        const at = Number(each.value);
        return [new Chart(hello.observation[at]!, ['observed']), at];
      });
      room.replaceChildren(...this.actions.map((each) => each.element),
        ...this.observed.map(([each]) => each.element));
    };
    choice.addEventListener('change', choose);
    choose();
    this.element = el('section', {'aria-label': 'Charts'},
      el('p', {className: 'legend'}, 'Blue: asked for, or observed. Green: applied. Red: limits.'), room,
      el('details', {}, el('summary', {}, 'Choose observations'), choice));
    link.on('arbiter', (news) => keep(this.told, [...pad(news.requested, this.hello.action.length),
      ...news.applied]));
    link.on('observation', (news) => keep(this.seen, news.values));
    for (const kind of ['arbiter', 'observation']) link.on(kind, () => { this.dirty = true; });
    setInterval(() => this.draw(), REDRAW_MS);
  }

  private draw(): void {
    if (!this.dirty || document.hidden) return;
    this.dirty = false;
    this.actions.forEach((chart, i) => chart.show(this.told, i, this.actions.length + i));
    for (const [chart, at] of this.observed) chart.show(this.seen, at);
  }
}

function pad(values: (number | null)[], length: number): (number | null)[] {
  return values.length ? values : Array<null>(length).fill(null);
}

function keep(rows: Row[], values: (number | null)[]): void {
  const now = performance.now() / 1000;
  rows.push({at: now, values});
  while (rows.length && rows[0]!.at < now - WINDOW_S) rows.shift();
}

// A canvas does not know CSS variables.
function colour(name: string): string {
  const probe = el('span', {});
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
