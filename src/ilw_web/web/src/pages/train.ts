// Train: choose data, algorithm and task; see the values and why they are so; start; compare runs.
import {curves} from '../curves';
import {button, el, table} from '../dom';
import type {Page} from './drive';
import {jobsPanel, shown, start} from './jobs';
import type {Answer, Link} from '../link';
import {nameOf} from '../names';
import {folders, type Listed} from './record';

interface Run {
  path: string; task: string; algorithm: string; seed: number; train_s: number; success: number | null;
  episodes_eval: number; checkpoint: string; curves?: Record<string, [number, number][]>; values?: Record<string, any>;
}

export function field(text: string, input: HTMLElement): HTMLElement {
  return el('label', {}, `${text} `, input);
}

export function choose(select: HTMLSelectElement, names: string[], wanted = select.value): void {
  select.replaceChildren(...names.map((name) => el('option', {value: name, selected: name === wanted}, name)));
}

export function trainPage(link: Link, tell: (text: string) => void): Page {
  const task = el('select', {id: 'train-task'}), algo = el('select', {id: 'train-algo'});
  const data = el('select', {id: 'train-data'}), begin = el('select', {id: 'train-from'});
  const seed = el('input', {type: 'number', id: 'train-seed', value: '0', min: '0'});
  const verdict = el('p', {}), values = el('div', {}), runs = el('div', {}), compared = el('div', {});
  const chosen = new Set<string>();
  let known = false;

  const explain = (): void => {
    if (!algo.value) return;
    const given = {algo: algo.value, task: task.value};
    void link.request('ask', 'config', given).then((answer) => {
      if (given.algo !== algo.value || given.task !== task.value) return; // another was chosen since
      values.replaceChildren(answer.ok ? table(['value', '', 'where it comes from'],
        Object.entries(answer.data.values as Record<string, any>).map(([name, each]) => [
          name, shown(each.value), el('code', {}, each.from)])) : el('p', {className: 'bad'}, answer.text));
    });
  };
  const look = (): void => {
    if (!data.value) return;
    verdict.textContent = 'Looking through the episodes …';
    void link.request('ask', 'check', {folder: data.value, task: task.value}).then((answer) => {
      const said = answer.data;
      verdict.textContent = answer.ok ? `${said.verdict}: ${said.usable} of ${said.episodes} episodes to train from, ${said.steps} steps, ${said.findings.length} findings (Record shows them)` : answer.text;
      verdict.className = answer.ok ? said.verdict : 'bad';
    });
  };
  const show = (answer: Answer): void => {
    if (!answer.ok) { runs.replaceChildren(el('p', {}, answer.text)); return; }
    const found = answer.data.runs as Run[];
    choose(begin, ['', ...found.map((each) => `${each.path}/checkpoint`)]);
    runs.replaceChildren(table(['', 'run', 'task', 'algorithm', 'success', 'seed', 'trained'], found.map((run) => [
      el('input', {type: 'checkbox', checked: chosen.has(run.path), 'aria-label': `Compare ${run.path}`,
        onchange: (event: Event) => {
          if ((event.target as HTMLInputElement).checked) chosen.add(run.path); else chosen.delete(run.path);
        }}),
      run.path, run.task, run.algorithm, run.success === null ? '' : `${run.success}/${run.episodes_eval}`,
      String(run.seed), `${run.train_s.toFixed(0)} s`])), button('Compare the chosen', compare));
  };
  const compare = (): void => {
    void link.request('ask', 'curves', {folders: [...chosen].slice(0, 8).join('\n')}).then((answer) => {
      compared.replaceChildren(...(answer.ok ? beside(answer.data.runs) : [el('p', {className: 'bad'}, answer.text)]));
    });
  };
  const relist = (): void => {
    void link.request('ask', 'runs').then(show);
    void link.request('ask', 'episodes').then((answer) => {
      if (!answer.ok) return;
      const found = folders(answer.data.episodes as Listed[]);
      data.replaceChildren(...[...found].map(([path, each]) => el('option', {value: path, selected: path === data.value},
        `${path}: ${each.length} episodes, ${each.filter((one) => one.outcome === 'success').length} successes`)));
    });
  };
  for (const select of [task, algo]) select.addEventListener('change', explain);
  const open = (): void => {
    relist();
    if (known) return;
    known = true;
    void link.request('ask', 'choices').then((answer) => {
      if (!answer.ok) { known = false; return; }
      choose(task, [...new Set([answer.data.task, ...answer.data.tasks])] as string[], answer.data.task);
      choose(algo, answer.data.algorithms, 'bc');
      explain();
    });
  };
  const element = el('div', {className: 'train'},
    el('section', {'aria-label': 'Training'}, el('h2', {}, 'Train'),
      el('div', {className: 'row'}, field('Data', data), button('Check it', look)), verdict,
      el('div', {className: 'row'}, field('Task', task), field('Algorithm', algo), field('Seed', seed), field('Begin with', begin)),
      el('details', {}, el('summary', {}, 'Its values, and where each comes from'), values),
      button('Start training', () => start(link, tell, 'train',
        {task: task.value, algo: algo.value, demos: data.value, seed: seed.value, from: begin.value}))),
    jobsPanel(link, tell, (job) => { if (job.name === 'train' && element.isConnected) relist(); }),
    el('section', {'aria-label': 'Runs'}, el('h2', {}, 'Runs'), button('List anew', relist), runs, compared));
  return {name: 'Train', element, open};
}

function beside(runs: Run[]): Node[] {
  if (!runs.length) return [el('p', {}, 'Choose runs above.')];
  const name = (run: Run): string => nameOf(run.path);
  const metrics = [...new Set(runs.flatMap((run) => Object.keys(run.curves ?? {})))].filter((each) => each !== 'eval/episodes');
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.values ?? {})))];
  const rows = keys.map((key) => [key, ...runs.map((run) => shown(run.values?.[key]))]);
  const differs = (row: string[]): boolean => new Set(row.slice(1)).size > 1;
  return [el('div', {className: 'charts'}, ...metrics.map((metric) => curves(metric,
    runs.map((run) => ({name: name(run), points: run.curves?.[metric] ?? []})),
    ...(metric === 'eval/success_rate' ? [0, 1] : [])))),
  el('p', {}, 'Values; those that differ come first.'),
  table(['value', ...runs.map(name)], [...rows.filter(differs), ...rows.filter((row) => !differs(row))].map((row) =>
    row.map((cell) => (differs(row) ? el('b', {}, cell) : cell))))];
}
