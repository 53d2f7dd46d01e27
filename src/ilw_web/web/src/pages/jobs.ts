// The jobs that everybody sees: what runs and waits, how far it is, what came out, what it left.
import {curves} from '../curves';
import {button, el, list, table} from '../dom';
import type {Link} from '../link';

export interface Job {
  number: number; name: string; words: string[]; state: string; text: string; drives: boolean;
  progress: Record<string, any>; total: number; last: string; curve: [number, number | null, number | null][];
}

export function jobsPanel(link: Link, tell: (text: string) => void, ended: (job: Job) => void): HTMLElement {
  const rows = el('div', {}), detail = el('div', {});
  const states = new Map<number, string>();
  let shown = 0;
  const look = (number: number): void => {
    shown = number;
    void link.request('ask', 'job', {job: String(number)}).then((answer) => {
      if (shown === number) detail.replaceChildren(...(answer.ok ? details(answer.data) : [el('p', {}, answer.text)]));
    });
  };
  link.on('jobs', (news) => {
    const jobs = news.jobs as Job[];
    rows.replaceChildren(jobs.length ? table(['job', 'state', 'how far', ''], jobs.map((job) => [
      el('span', {title: job.words.join(' ')}, `${job.number} ${job.name}${job.drives ? ' (drives the robot)' : ''}`),
      el('span', {className: COLOURS[job.state] ?? ''}, job.state), far(job),
      el('span', {className: 'row'}, button('Show', () => look(job.number)),
        ...(['running', 'waiting'].includes(job.state) ? [button('Cancel', () => {
          void link.request('do', 'cancel', {job: String(job.number)}).then((answer) => tell(answer.ok ? '' : answer.text));
        })] : []))])) : el('p', {}, 'Nothing was started yet.'));
    for (const job of jobs) {
      const before = states.get(job.number);
      states.set(job.number, job.state);
      const over = !['running', 'waiting'].includes(job.state);
      if (before !== undefined && before !== job.state && over) { look(job.number); ended(job); }
      else if (job.state === 'running' && (shown === job.number || !shown)) {
        shown = job.number;
        detail.replaceChildren(...head(job), ...learning(job));
      }
    }
  });
  return el('section', {'aria-label': 'Jobs'}, el('h2', {}, 'Jobs'), rows, detail);
}

const COLOURS: Record<string, string> = {done: 'good', failed: 'bad', refused: 'warn', running: 'state'};

export function start(link: Link, tell: (text: string) => void, name: string, given: Record<string, string>): void {
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
  void link.request('do', name, said).then((answer) => tell(answer.ok ? '' : answer.text));
}

function far(job: Job): Node {
  const {done, update, updates, total, what, success} = job.progress;
  const now = (done ?? update) as number | undefined, all = (total ?? updates ?? job.total) as number | undefined;
  if (job.text) return el('span', {}, job.text);
  if (now === undefined) return el('span', {}, job.last);
  const words = `${what ? `${what}: ` : ''}${now}${all ? ` of ${all}` : ''}${success === undefined ? '' : `, ${success} successes`}`;
  return el('span', {}, ...(all ? [el('progress', {max: all, value: now, 'aria-label': words}), ' '] : []), words);
}

function head(job: Job): Node[] {
  return [el('h3', {}, `Job ${job.number}: ${job.name}, ${job.state}`), el('p', {}, el('code', {}, job.words.join(' '))),
    ...(job.text ? [el('p', {className: COLOURS[job.state] ?? ''}, job.text)] : [])];
}

function learning(job: Job): Node[] {
  if (!job.curve.length) return [];
  const of = (at: 1 | 2): [number, number][] => job.curve.flatMap((each) => (each[at] === null ? [] : [[each[0], each[at]] as [number, number]]));
  return [el('div', {className: 'charts'}, curves('loss', [{name: 'loss', points: of(1)}]),
    curves('success in simulation', [{name: 'success', points: of(2)}], 0, 1))];
}

function details(job: Job & {lines: string[]; result: any; note: string; pages: string[]; at: string}): Node[] {
  const frame = el('iframe', {sandbox: '', title: 'What the job left', className: 'report', hidden: true});
  const pages = job.pages.map((name) => button(name, () => {
    frame.src = `/left/${job.at}/${name.split('/').map(encodeURIComponent).join('/')}`;
    frame.hidden = false;
  }));
  return [...head(job), ...learning(job), ...(job.result ? [result(job.result)] : []), el('p', {}, job.note),
    ...(pages.length ? [el('div', {className: 'row'}, 'It left: ', ...pages), frame] : []),
    ...(job.lines.length ? [el('details', {}, el('summary', {}, 'What it said'), list(job.lines))] : [])];
}

// A result as its command gives it: names and values; what is nested by its whole name.
export function result(data: Record<string, any>): HTMLElement {
  return table(['result', 'value'], flat(data).slice(0, 400));
}

function flat(data: any, name = ''): [string, string][] {
  if (data && typeof data === 'object' && !(Array.isArray(data) && data.every((each) => typeof each !== 'object'))) {
    return Object.entries(data).flatMap(([key, value]) => flat(value, name ? `${name}.${key}` : key));
  }
  return [[name, shown(data)]];
}

export function shown(value: any): string {
  if (Array.isArray(value)) return value.map(shown).join(', ');
  return value === null || value === undefined ? '' : typeof value === 'number' ? `${Number(value.toPrecision(5))}` : String(value);
}
