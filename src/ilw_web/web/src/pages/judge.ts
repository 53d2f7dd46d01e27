// Judge: evaluate, compare, replay, promote, roll back, correct, ask why; and let a policy drive.
import {button, el} from '../dom';
import type {Page} from './drive';
import {jobsPanel, start} from './jobs';
import type {Link} from '../link';
import {folders, type Listed} from './record';
import {choose, field} from './train';

export function judgePage(link: Link, tell: (text: string) => void, task: string): Page {
  const policy = el('select', {id: 'policy'}), other = el('select', {id: 'other'}), data = el('select', {id: 'judge-data'});
  const number = (id: string, value: string, text: string): [HTMLInputElement, HTMLElement] => {
    const input = el('input', {type: 'number', id, value, min: '0'});
    return [input, field(text, input)];
  };
  const [episodes, episodesField] = number('episodes', '100', 'Episodes');
  const [rounds, roundsField] = number('rounds', '1', 'Rounds');
  const [attempts, attemptsField] = number('attempts', '10', 'attempts per round');
  const [speed, speedField] = number('speed', '1', 'simulated seconds per second');
  const because = el('input', {type: 'text', id: 'because', maxLength: 300, autocomplete: 'off'});
  const floor = el('input', {type: 'number', id: 'floor', min: '0', max: '1', step: '0.05'});
  const robot = el('input', {type: 'checkbox', id: 'on-robot'}), scripted = el('input', {type: 'checkbox', id: 'scripted'});
  const open = (): void => {
    void link.request('ask', 'runs').then((answer) => {
      const found = answer.ok ? (answer.data.runs as {path: string}[]).map((run) => `${run.path}/checkpoint`) : [];
      choose(policy, [...found, 'deployed', 'idle', 'random']);
      choose(other, ['deployed', 'idle', 'random', ...found]);
    });
    void link.request('ask', 'episodes').then((answer) => {
      if (answer.ok) choose(data, [...folders(answer.data.episodes as Listed[]).keys()]);
    });
  };
  const run = (name: string, given: () => Record<string, string>) => () => start(link, tell, name, {task, ...given()});
  const group = (title: string, text: string, ...inside: Node[]): HTMLElement => el('div', {className: 'group'},
    el('h3', {}, title), el('p', {}, text), el('div', {className: 'row'}, ...inside));
  const element = el('div', {className: 'judge'},
    el('section', {'aria-label': 'Policies'}, el('h2', {}, 'Judge'),
      el('div', {className: 'row'}, field('Policy', policy), field('beside', other), field('recordings', data), episodesField,
        button('List anew', open)),
      group('Evaluate', 'The policy alone, in simulated worlds that it was not chosen on.',
        button('Evaluate', run('evaluate', () => ({checkpoint: policy.value, episodes: episodes.value})))),
      group('Compare', 'Both from the same starts.', button('Compare', run('compare', () => ({
        first: other.value, second: policy.value, episodes: episodes.value, robot: robot.checked ? 'yes' : ''}))),
      robot, el('label', {htmlFor: 'on-robot'}, 'on the robot that runs: they drive it in turns, and you mark the end of each; take the wheel first')),
      group('Replay', 'What the policy would have done in the recordings, held against the other.',
        button('Replay', run('replay', () => ({bag: data.value, policy: policy.value, against: other.value})))),
      group('Why', 'One page: what moves its action, does it copy, what to do about it.',
        button('Ask why', run('why', () => ({checkpoint: policy.value, episodes: data.value})))),
      group('Correct', 'It drives in a simulator of its own, not your robot; who takes over teaches it.',
        roundsField, attemptsField, speedField, scripted,
        el('label', {htmlFor: 'scripted'}, 'a scripted person takes over (else a gamepad at the cockpit\'s machine)'),
        button('Correct', run('correct', () => ({checkpoint: policy.value, demos: data.value, rounds: rounds.value,
          attempts: attempts.value, episodes: episodes.value, 'real-time-factor': speed.value, scripted: scripted.checked ? 'yes' : ''})))),
      group('Promote', 'Deployed from then on, if it is shown to be not worse. Another floor takes a reason.',
        field('Floor', floor), field('because', because),
        button('Promote', run('promote', () => ({checkpoint: policy.value, episodes: episodes.value, floor: floor.value, because: because.value}))),
        button('Roll back', run('rollback', () => ({because: because.value})))),
      group('Deploy', 'Loads it into the policy node of a running bring-up; it drives once somebody arms it on Drive.',
        button('Load the policy', () => void link.request('call', 'load', {checkpoint: policy.value}).then((answer) => {
          tell(answer.ok ? `Loaded ${policy.value}. Arm it on Drive.` : answer.text);
        })))),
    jobsPanel(link, tell, (job) => { if (element.isConnected && ['promote', 'rollback', 'correct'].includes(job.name)) open(); }));
  return {name: 'Judge', element, open};
}
