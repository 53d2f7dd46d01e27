// Several episodes on one time line: the same field of each, aligned at their beginnings.
import {curves} from '../curves';
import {button, el} from '../dom';
import type {Link} from '../link';
import {nameOf} from '../names';
import {choose, field} from './train';

export const FEWEST = 2, MOST = 6;
interface Drawn { field: string; fields: Record<string, string>; episodes: {path: string; points: [number, number | null][]}[] }

export class Beside {
  readonly element: HTMLElement;
  private readonly chosen = new Set<string>();
  private readonly select = el('select', {id: 'beside-field'});
  private readonly said = el('p', {role: 'status'});
  private readonly chart = el('div', {});
  private asked = 0;

  constructor(private readonly link: Link) {
    this.select.addEventListener('change', () => this.draw());
    this.element = el('section', {'aria-label': 'Episodes beside each other'},
      el('h3', {}, 'Beside each other'),
      el('div', {className: 'row'}, button('Draw the chosen', () => this.draw()), field('Field', this.select),
        button('Choose none', () => this.clear())), this.said, this.chart);
    this.count();
  }

  // The box that chooses an episode; the list is made anew with those that are there.
  box(path: string): HTMLInputElement {
    const box = el('input', {type: 'checkbox', checked: this.chosen.has(path), 'aria-label': `Draw ${nameOf(path)}`,
      onchange: () => {
        if (!box.checked) this.chosen.delete(path);
        else if (this.chosen.size < MOST) this.chosen.add(path);
        else { box.checked = false; this.said.textContent = `${MOST} are chosen already. Take one out first.`; return; }
        this.count();
      }});
    this.boxes.push(box);
    return box;
  }

  // Forget boxes of the list before, and the chosen that are gone.
  anew(paths: string[]): void {
    this.boxes = [];
    for (const path of this.chosen) if (!paths.includes(path)) this.chosen.delete(path);
    this.count();
  }

  private boxes: HTMLInputElement[] = [];

  private clear(): void {
    this.chosen.clear();
    for (const box of this.boxes) box.checked = false;
    this.chart.replaceChildren();
    this.asked++;
    this.count();
  }

  private count(): void {
    this.said.textContent = this.chosen.size < FEWEST ? `Choose ${FEWEST} to ${MOST} episodes in the list above; ${this.chosen.size} chosen.`
      : `${this.chosen.size} chosen.`;
  }

  private draw(): void {
    this.count();
    if (this.chosen.size < FEWEST) return;
    const mine = ++this.asked;
    this.said.textContent = 'Reading the episodes …';
    void this.link.request('ask', 'beside', {episodes: [...this.chosen].join('\n'), field: this.select.value}).then((answer) => {
      if (mine !== this.asked) return; // another field was chosen since
      this.said.textContent = answer.ok ? '' : answer.text;
      this.said.classList.toggle('bad', !answer.ok);
      if (!answer.ok) { choose(this.select, []); this.chart.replaceChildren(); return; }
      const drawn = answer.data as Drawn;
      choose(this.select, Object.keys(drawn.fields), drawn.field);
      const unit = drawn.fields[drawn.field];
      this.chart.replaceChildren(curves(`${drawn.field}${unit ? ` [${unit}]` : ''}, seconds from the beginning of each`,
        drawn.episodes.map((each) => ({name: nameOf(each.path), points: each.points}))));
    });
  }
}
