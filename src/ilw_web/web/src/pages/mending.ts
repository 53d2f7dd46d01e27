// Mend episodes by the commands that the doctor names: first what would change, then, pressed again, it.
import {button, el, table} from '../dom';
import type {Link} from '../link';
import {nameOf} from '../names';

const EDIT = /^\.\/ilw episodes (trim|drop|restore|redo) /;
interface Dropped { path: string; why: string }
interface Plan { changes: {episode: string; before: string; after: string}[]; command: string; undo: string }

export class Mending {
  readonly said = el('div', {role: 'status'});
  readonly dropped = el('details', {});
  private relisted = 0;
  private planned = 0;

  constructor(private readonly link: Link, private readonly tell: (text: string) => void, private readonly changed: () => void) {}

  // A finding's command: a button where it mends an episode, else only to be copied.
  fix(command: string): HTMLElement {
    const copy = button('Copy', () => void navigator.clipboard?.writeText(command));
    return el('span', {}, el('code', {}, command), ' ', ...(EDIT.test(command) ? [button('Mend it', () => this.plan(command), 'Shows first what would change')] : []), copy);
  }

  // What may be done to an episode that is in training.
  of(path: string, seconds: number | null): HTMLElement {
    const head = this.seconds('head'), tail = this.seconds('tail');
    const why = el('input', {type: 'text', maxLength: 200, 'aria-label': 'Why it is dropped', placeholder: 'why'});
    const trim = button('Trim', () => {
      const cut = [['head', head.value], ['tail', tail.value]].filter(([, value]) => Number(value) > 0);
      this.plan(`./ilw episodes trim ${quoted(path)} ${cut.length ? cut.map(([name, value]) => `--${name} ${Number(value)}`).join(' ') : '--auto'}`);
    }, 'Without numbers: where it stands still');
    return el('details', {}, el('summary', {}, 'Mend'), el('div', {className: 'row'}, why,
      button('Drop', () => this.plan(`./ilw episodes drop ${quoted(path)}${why.value ? ` --why ${quoted(why.value)}` : ''}`)),
      button('Record again', () => this.plan(`./ilw episodes redo ${quoted(path)}`))),
    ...(seconds === null ? [] : [el('div', {className: 'row'}, 'from its start', head, 'from its end', tail, trim)]));
  }

  async relist(): Promise<void> {
    const mine = ++this.relisted;
    const answer = await this.link.request('ask', 'dropped');
    if (mine !== this.relisted) return; // asked again since
    const found = answer.ok ? answer.data.dropped as Dropped[] : [];
    this.dropped.replaceChildren(el('summary', {}, `${found.length} out of training`), ...(found.length ? [
      table(['episode', 'why', ''], found.map((each) => [nameOf(each.path), each.why,
        button('Restore', () => this.plan(`./ilw episodes restore ${quoted(each.path)}`))]))] : []));
  }

  // The first press: what it would change, and nothing more.
  private plan(command: string): void {
    const mine = ++this.planned;
    this.said.replaceChildren(el('p', {}, `Looking what ${command} would change …`));
    void this.link.request('ask', 'plan', {command}).then((answer) => {
      if (mine !== this.planned) return; // another was pressed since
      this.tell(answer.ok ? '' : answer.text);
      if (answer.ok) this.show(answer.data as Plan); else this.said.replaceChildren();
    });
  }

  private show(plan: Plan): void {
    if (!plan.changes.length) { this.said.replaceChildren(el('p', {}, 'Nothing is to be cut: it moves from its start to its end.')); return; }
    // Not the button: a key that is held must not press it.
    const box = el('div', {className: 'plan', tabIndex: -1, role: 'group', 'aria-label': 'What would change'}, el('h3', {}, 'This would change'),
      table(['episode', 'now', 'then'], plan.changes.map((each) => [each.episode || 'a new one', each.before, each.after])),
      el('p', {}, 'Undone by ', el('code', {}, plan.undo)),
      el('div', {className: 'row'}, button('Do it', () => this.run(plan.command)), button('Leave it', () => this.said.replaceChildren())));
    this.said.replaceChildren(box);
    box.focus();
  }

  private run(command: string): void {
    this.planned++;
    this.said.replaceChildren(el('p', {}, `Doing ${command} …`));
    void this.link.request('ask', 'mend', {command}).then((answer) => {
      this.said.replaceChildren();
      this.tell(answer.ok ? '' : answer.text);
      if (!answer.ok) return;
      this.said.replaceChildren(...this.done(command, answer.data));
      this.changed();
    });
  }

  private done(command: string, data: Record<string, any>): Node[] {
    const verb = EDIT.exec(command)![1]!;
    const text = verb === 'trim' ? `${nameOf(data['path'])}: ${data['steps']} steps, without the first ${data['cut'][0]} and the last ${data['cut'][1]}.`
      : verb === 'restore' ? `${nameOf(data['path'])} is back.` : `${nameOf(data['path'])} is out of training.`;
    const start = Object.entries((data['start'] ?? {}) as Record<string, number>).map(([key, value]) => `${key} ${value.toFixed(2)}`).join(', ');
    return [el('div', {className: 'row'}, el('span', {}, text), button('Undo', () => this.run(data['undo']))),
      ...(data['record'] ? [el('p', {}, `It began with ${start || 'nothing that could be read'}. Record it again with Start above, or in a terminal: `, el('code', {}, data['record']))] : [])];
  }

  private seconds(which: string): HTMLInputElement {
    return el('input', {type: 'number', min: '0', step: '0.1', placeholder: '0 s', 'aria-label': `Seconds to cut from its ${which}`});
  }
}


// As shlex takes it apart.
function quoted(text: string): string { return `'${text.replaceAll("'", "'\\''")}'`; }
