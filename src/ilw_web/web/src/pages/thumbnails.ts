// A small picture of each episode in the list, as the server makes them, the newest first.
import {el} from '../dom';
import type {Link} from '../link';
import {nameOf} from '../names';

interface Thumbnail { file: string; why: string }

export class Thumbnails {
  readonly said = el('p', {className: 'legend'});
  private readonly known = new Map<string, Thumbnail>();
  private readonly cells = new Map<string, HTMLElement>();
  private at = '';
  private asked = 0;

  constructor(private readonly link: Link) {}

  // The list is made anew: these are the places of its pictures.
  of(path: string): HTMLElement {
    const cell = el('span', {className: 'thumb'});
    this.cells.set(path, cell);
    this.fill(path);
    return cell;
  }

  // Ask for what is not there yet, until nothing is left to be made.
  async relist(): Promise<void> {
    const mine = ++this.asked;
    for (let left = 1; left > 0;) {
      const answer = await this.link.request('ask', 'thumbnails');
      if (mine !== this.asked) return; // asked again since
      if (!answer.ok) { this.said.textContent = `No thumbnails: ${answer.text}`; return; }
      this.at = answer.data.at;
      left = answer.data.left;
      this.said.textContent = left ? `${left} thumbnails are being made …`
        : 'Thumbnails: the first and the last picture, or the way from ring to dot, and a cross at its goal.';
      for (const [path, each] of Object.entries(answer.data.thumbnails as Record<string, Thumbnail>)) {
        if (this.known.get(path)?.file === each.file && each.file) continue; // it would flicker
        this.known.set(path, each);
        this.fill(path);
      }
    }
  }

  private fill(path: string): void {
    const found = this.known.get(path), cell = this.cells.get(path);
    if (!found || !cell) return;
    const name = nameOf(path);
    cell.replaceChildren(found.file ? el('img', {src: `/left/${this.at}/${found.file}`, alt: `Thumbnail of ${name}`, loading: 'lazy'})
      : el('span', {className: 'why', title: found.why}, `No thumbnail: ${found.why}`));
  }
}
