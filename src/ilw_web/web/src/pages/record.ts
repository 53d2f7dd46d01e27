// Record: start, save and discard episodes; what is on the disk and what the doctor says of it.
import {button, el, list, table} from '../dom';
import {Beside} from './beside';
import {Mending} from './mending';
import type {Page} from './drive';
import {Thumbnails} from './thumbnails';
import type {Answer, Link} from '../link';
import {nameOf} from '../names';

export interface Listed { path: string; outcome: string; stop_reason: string; mb: number; seconds: number | null; suspect: string[] }
interface Finding { level: string; episode: string; text: string; command: string }

// Folder -> its episodes.
export function folders(episodes: Listed[]): Map<string, Listed[]> {
  const found = new Map<string, Listed[]>();
  for (const each of episodes) {
    const folder = each.path.slice(0, each.path.lastIndexOf('/'));
    found.set(folder, [...(found.get(folder) ?? []), each]);
  }
  return found;
}

export function recordPage(link: Link, tell: (text: string) => void): Page {
  const operator = el('input', {type: 'text', maxLength: 200, id: 'operator', autocomplete: 'off'});
  const notes = el('input', {type: 'text', maxLength: 2000, id: 'notes', autocomplete: 'off'});
  const call = (name: string, given: () => Record<string, string> = () => ({})) => () => {
    void link.request('call', name, given()).then((answer) => tell(answer.ok ? '' : answer.text));
  };
  const phase = el('p', {className: 'state', role: 'status'}, 'The recorder is not heard. Start a bring-up that records: ./ilw up record --input cockpit');
  const mending = new Mending(link, tell, () => { relist(); });
  const thumbnails = new Thumbnails(link), beside = new Beside(link);
  const counts = el('p', {}), problems = el('div', {}), shelf = el('div', {}), findings = el('div', {});
  let verdicts: Record<string, string> = {}, saved = -1, listing = false, again = false;

  const relist = (): void => {
    again = listing;
    if (listing) return;
    listing = true;
    void mending.relist();
    void link.request('ask', 'episodes').then((answer) => {
      listing = false;
      show(answer);
      if (again) relist(); else if (element.isConnected) void thumbnails.relist();
    });
  };
  const show = (answer: Answer): void => {
    if (!answer.ok) { shelf.replaceChildren(el('p', {}, answer.text)); return; }
    const episodes = answer.data.episodes as Listed[];
    beside.anew(episodes.map((each) => each.path));
    shelf.replaceChildren(el('p', {}, `${episodes.length} episodes`), table(
      ['', '', 'episode', 'outcome', 'length', 'size', 'verdict', 'doubts', ''], episodes.reverse().map((each) => {
        const name = nameOf(each.path);
        return [beside.box(each.path), thumbnails.of(each.path), name, `${each.outcome} ${each.stop_reason}`,
          each.seconds === null ? '' : `${each.seconds.toFixed(1)} s`, `${each.mb} MB`,
          verdicts[name] ?? '', list(each.suspect), mending.of(each.path, each.seconds)];
      })));
  };
  const check = button('Check all', () => {
    check.disabled = true;
    findings.replaceChildren(el('p', {}, 'Looking through every episode …'));
    void link.request('ask', 'check').then((answer) => {
      check.disabled = false;
      if (!answer.ok) { findings.replaceChildren(el('p', {}, answer.text)); return; }
      verdicts = answer.data.verdicts;
      const found = answer.data.findings as Finding[];
      findings.replaceChildren(
        el('p', {className: answer.data.verdict}, `${answer.data.verdict}: ${answer.data.usable} of ${answer.data.episodes} episodes to train from, ${answer.data.steps} steps`),
        ...(found.length ? [table(['level', 'episode', 'what', 'fix'], found.map((each) => [
          each.level, each.episode || 'all', each.text, mending.fix(each.command)]))] : []));
      relist();
    });
  });
  link.on('recorder', (news) => {
    phase.textContent = news.phase === 'recording' ? `RECORDING ${news.episode}: ${news.step} steps, ${(news.bytes / 1e6).toFixed(1)} MB`
      : `${news.phase}${news.path ? `; last saved: ${nameOf(String(news.path))}` : ''}`;
    phase.classList.toggle('bad', news.phase === 'recording');
    counts.textContent = `attempted ${news.attempted}, saved ${news.saved}, discarded ${news.discarded}, failed ${news.failed}`;
    problems.replaceChildren(list([...news.problems, ...news.suspect], 'warn'),
      el('p', {}, news.refusal ? `Last refusal: ${news.refusal}` : ''));
    if (news.saved !== saved && news.phase !== 'recording') { saved = news.saved; relist(); }
  });
  link.on('hello', relist);
  const element = el('div', {className: 'record'},
    el('section', {'aria-label': 'Recorder'}, phase, counts,
      el('div', {className: 'row'},
        el('label', {htmlFor: 'operator'}, 'Operator '), operator,
        el('label', {htmlFor: 'notes'}, 'Notes '), notes),
      el('div', {className: 'row'},
        button('Start', call('start', () => ({operator: operator.value, notes: notes.value})), 'Key b'),
        button('Save: success', call('save', () => ({outcome: 'success'})), 'Key y'),
        button('Save: failure', call('save', () => ({outcome: 'failure'})), 'Key n'),
        button('Discard', call('discard'), 'Key r')), problems),
    el('section', {'aria-label': 'Episodes'}, el('h2', {}, 'Episodes'),
      el('div', {className: 'row'}, button('List anew', relist), check), mending.said, shelf, thumbnails.said, beside.element, findings, mending.dropped));
  return {name: 'Record', element, open: relist};
}
