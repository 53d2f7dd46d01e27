// The list of episodes: edits that say first what they change, thumbnails, several on one time line.
import assert from 'node:assert/strict';
import {beforeEach, test} from 'node:test';
import {pieces} from '../src/curves';
import {Link} from '../src/link';
import {Beside} from '../src/pages/beside';
import {Mending} from '../src/pages/mending';
import {recordPage} from '../src/pages/record';
import {Thumbnails} from '../src/pages/thumbnails';
import {anew, said, Socket} from './browser.mjs';

const DROP = "./ilw episodes drop 'demos/one'", UNDO = './ilw episodes restore demos/.dropped/one';
const PLAN = {changes: [{episode: 'one', before: 'in training: demos/one', after: 'out of training: demos/.dropped/one'}],
  command: './ilw episodes drop demos/one', undo: UNDO};
let link, socket, told, changed;

beforeEach(() => {
  anew();
  told = [];
  changed = 0;
  link = new Link('secret', (text) => told.push(text));
  link.connect();
  [socket] = Socket.all;
  socket.opens();
});

// What was asked of this name, the newest last.
const asked = (name) => said(socket, 'ask').filter((each) => each.name === name);

async function answers(name, data, text = '') {
  const {id} = asked(name).at(-1);
  socket.hears({t: 'answer', id, name, ok: data !== null, text, data});
  await new Promise((done) => setImmediate(done));
}

const mending = () => new Mending(link, (text) => told.push(text), () => { changed++; });

test('a fix says first what it would change, and only a second press does it', async () => {
  const mend = mending(), fix = mend.fix(DROP);
  fix.button('Mend it').click();
  assert.deepEqual([asked('plan').map((each) => each.with.command), asked('mend')], [[DROP], []]);
  await answers('plan', PLAN);
  const [box] = mend.said.children;
  for (const text of ['one', 'in training: demos/one', 'out of training: demos/.dropped/one', UNDO]) assert.ok(box.textContent.includes(text));
  assert.ok(box.focused && !box.all('button').some((each) => each.focused), 'a key that is held presses nothing');
  assert.deepEqual(asked('mend'), []);
  box.button('Do it').click();
  assert.deepEqual(asked('mend').map((each) => each.with.command), [PLAN.command], 'what was shown is what is done');
  await answers('mend', {path: 'demos/.dropped/one', undo: UNDO});
  assert.equal(changed, 1);
  mend.said.button('Undo').click();
  assert.equal(asked('mend').at(-1).with.command, UNDO);
  await answers('mend', {path: 'demos/one', dropped: '', undo: DROP});
  assert.ok(mend.said.textContent.includes('one is back.'));
});

test('what was looked at can be left, and does nothing', async () => {
  const mend = mending();
  mend.fix(DROP).button('Mend it').click();
  await answers('plan', PLAN);
  mend.said.button('Leave it').click();
  assert.deepEqual([mend.said.children, asked('mend'), changed], [[], [], 0]);
});

test('the plan that is shown is of the last press, whatever comes first', async () => {
  const mend = mending();
  mend.fix(DROP).button('Mend it').click();
  mend.fix(DROP.replace('one', 'two')).button('Mend it').click();
  const [first] = asked('plan');
  await answers('plan', {...PLAN, command: './ilw episodes drop demos/two'});
  socket.hears({t: 'answer', id: first.id, name: 'plan', ok: true, text: '', data: PLAN});
  await new Promise((done) => setImmediate(done));
  mend.said.button('Do it').click();
  assert.equal(asked('mend').at(-1).with.command, './ilw episodes drop demos/two');
});

test('a refused plan is one line and nothing to press; one without changes says so', async () => {
  const mend = mending();
  mend.fix(DROP).button('Mend it').click();
  await answers('plan', null, 'It is out of training already.');
  assert.deepEqual([told.at(-1), mend.said.children], ['It is out of training already.', []]);
  mend.fix(DROP).button('Mend it').click();
  await answers('plan', {changes: [], command: '', undo: ''});
  assert.match(mend.said.textContent, /Nothing is to be cut/);
  assert.deepEqual(mend.said.all('button'), []);
});

test('a command that mends no episode can only be copied', () => {
  const fix = mending().fix('./ilw episodes import demos/one --task maze');
  assert.deepEqual(fix.all('button').map((each) => each.textContent), ['Copy']);
});

test('thumbnails are asked for until none is left to be made', async () => {
  const thumbnails = new Thumbnails(link), cells = ['demos/one', 'demos/two'].map((path) => thumbnails.of(path));
  const done = thumbnails.relist();
  await answers('thumbnails', {at: 'KEY', left: 1, thumbnails: {'demos/two': {file: 'b.png', why: ''}}});
  assert.match(thumbnails.said.textContent, /1 thumbnails are being made/);
  assert.deepEqual([cells[0].children, cells[1].all('img').map((each) => [each.src, each.alt])], [[], [['/left/KEY/b.png', 'Thumbnail of two']]]);
  assert.equal(asked('thumbnails').length, 2);
  const [shown] = cells[1].children;
  await answers('thumbnails', {at: 'KEY', left: 0, thumbnails: {
    'demos/two': {file: 'b.png', why: ''}, 'demos/one': {file: '', why: 'demos/one is damaged.'}}});
  await done;
  assert.equal(asked('thumbnails').length, 2);
  assert.match(cells[0].textContent, /No thumbnail: demos\/one is damaged./);
  assert.equal(cells[1].children[0], shown, 'a picture that is there stays');
  assert.equal(thumbnails.of('demos/two').all('img').length, 1, 'a new list has it at once');
});

test('where no thumbnails are to be had it says why, once', async () => {
  const thumbnails = new Thumbnails(link), done = thumbnails.relist();
  await answers('thumbnails', null, 'The disk is full.');
  await done;
  assert.match(thumbnails.said.textContent, /The disk is full./);
  assert.equal(asked('thumbnails').length, 1);
});

function tick(box, on = true) {
  box.checked = on;
  box.dispatchEvent(new Event('change'));
}

test('two to six episodes are drawn in one chart, with their names', async () => {
  const beside = new Beside(link), boxes = [1, 2, 3, 4, 5, 6, 7].map((n) => beside.box(`demos/e${n}`));
  tick(boxes[0]);
  beside.element.button('Draw the chosen').click();
  assert.deepEqual(asked('beside'), [], 'one is too few');
  for (const box of boxes.slice(1)) tick(box);
  assert.equal(boxes[6].checked, false, 'the seventh is not taken');
  tick(boxes[0], false);
  tick(boxes[6]);
  for (const box of boxes.slice(3)) tick(box, false);
  beside.element.button('Draw the chosen').click();
  assert.deepEqual(asked('beside').at(-1).with, {episodes: 'demos/e2\ndemos/e3', field: ''});
  await answers('beside', {field: 'action/v', fields: {'action/v': 'm/s', 'observation/w': ''}, episodes: [
    {path: 'demos/e2', points: [[0, 1], [0.1, null], [0.2, 3]]}, {path: 'demos/e3', points: [[0, 2], [0.1, 2]]}]});
  const [figure] = beside.element.all('figure'), [select] = beside.element.all('select');
  assert.deepEqual(figure.all('li').map((each) => [each.textContent, each.className]), [['e2', 'key c0'], ['e3', 'key c1']]);
  assert.equal(figure.all('polyline').length, 3, 'a line breaks where nothing is known');
  assert.match(figure.textContent, /action\/v \[m\/s\], seconds from the beginning/);
  assert.deepEqual(select.children.map((each) => each.value), ['action/v', 'observation/w']);
  for (const each of select.children) each.selected = each.value === 'observation/w';
  select.dispatchEvent(new Event('change'));
  assert.equal(asked('beside').at(-1).with.field, 'observation/w');
});

test('what cannot be drawn is one line, and the fields are asked for anew', async () => {
  const beside = new Beside(link);
  for (const box of [beside.box('demos/e1'), beside.box('demos/e2')]) tick(box);
  beside.element.button('Draw the chosen').click();
  await answers('beside', null, 'demos/e2 is damaged.');
  assert.match(beside.element.textContent, /demos\/e2 is damaged./);
  assert.deepEqual([beside.element.all('figure'), beside.element.all('option')], [[], []]);
});

test('episodes that are gone from the list are chosen no longer', () => {
  const beside = new Beside(link);
  for (const box of [beside.box('demos/e1'), beside.box('demos/e2')]) tick(box);
  beside.anew(['demos/e2', 'demos/e3']);
  assert.deepEqual([beside.box('demos/e1').checked, beside.box('demos/e2').checked], [false, true]);
  tick(beside.box('demos/e3'));
  beside.element.button('Draw the chosen').click();
  assert.equal(asked('beside').at(-1).with.episodes, 'demos/e2\ndemos/e3');
  beside.element.button('Choose none').click();
  assert.equal(beside.box('demos/e2').checked, false);
});

test('a request that the server would close the socket for is not sent', async () => {
  const before = socket.sent.length, answer = await link.request('ask', 'beside', {episodes: 'ü'.repeat(2100)});
  assert.deepEqual([answer.ok, socket.sent.length], [false, before]);
  assert.match(answer.text, /too much for one request/);
});

test('the list shows a box and a thumbnail of each episode', async () => {
  const page = recordPage(link, (text) => told.push(text));
  page.open();
  await answers('episodes', {episodes: ['demos/one', 'demos/two'].map((path) => ({
    path, outcome: 'success', stop_reason: 'goal', mb: 1, seconds: 2, suspect: []}))});
  await answers('thumbnails', {at: 'KEY', left: 0, thumbnails: {'demos/one': {file: 'a.png', why: ''}, 'demos/two': {file: '', why: 'damaged'}}});
  const rows = page.element.all('tr').filter((row) => row.all('input').some((each) => each.type === 'checkbox'));
  assert.deepEqual(rows.map((row) => [row.all('input')[0].attributes['aria-label'], row.all('img').length]), [['Draw two', 0], ['Draw one', 1]]);
});

test('pieces are what lies between gaps', () => {
  assert.deepEqual(pieces([[0, null], [1, 1], [2, 2], [3, null], [4, null], [5, 5], [6, NaN]]), [[[1, 1], [2, 2]], [[5, 5]]]);
  assert.deepEqual(pieces([]), []);
});
