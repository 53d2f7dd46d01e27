// The stick: what keys, touch and pads become, the lease, and letting go.
import assert from 'node:assert/strict';
import {appendFileSync, readFileSync} from 'node:fs';
import {afterEach, beforeEach, test} from 'node:test';
import {Link} from '../src/link';
import {Stick} from '../src/stick';
import {anew, key, later, page, pads, said, Socket} from './browser.mjs';

const server = JSON.parse(readFileSync(process.env.ILW_SERVER_SAYS, 'utf8'));
const {pad: layout} = server.hello;
const forward = layout.axes[layout.mapping.forward], turn = layout.axes[layout.mapping.turn];
const deadman = layout.buttons[layout.mapping.deadman];
let link, stick, socket;

beforeEach(() => {
  anew();
  link = new Link('secret', () => {});
  link.connect();
  [socket] = Socket.all;
  socket.opens();
  socket.hears({...server.hello, t: 'hello', you: 7}, {t: 'seat', driver: null, viewers: 1});
  stick = new Stick(link, layout);
});

// All that was sent is held to the robot's layout by the Python test that runs this.
afterEach(() => {
  for (const each of said(socket, 'joy')) appendFileSync(process.env.ILW_PAGE_SAYS, `${JSON.stringify(each)}\n`);
});

function sit() {
  stick.take();
  socket.hears({t: 'seat', driver: 7, viewers: 1});
}
const last = () => said(socket, 'joy').at(-1);
const rest = {t: 'joy', ...layout.rest};

test('nothing is sent before the wheel is taken, nor before the server gives it', () => {
  key('w');
  later(1000);
  assert.deepEqual(said(socket, 'joy'), []);
  stick.take();
  later(100);
  assert.deepEqual([said(socket, 'drive').length, said(socket, 'joy').length], [1, 0]);
});

test('a driver is heard four times within a lease, also while nothing changes', () => {
  sit();
  later(10);
  const before = said(socket, 'joy').length;
  later(server.lease_ms);
  assert.equal(said(socket, 'joy').length - before, 4);
  assert.deepEqual(last(), rest);
});

test('a key is sent at once, with the deadman, and released at once', () => {
  sit();
  later(20);
  key('w');
  assert.deepEqual([last().a[forward], last().b[deadman]], [1, 1]);
  key('w', false);
  assert.deepEqual(last(), rest);
});

test('keys add up to no more than 1, and those against each other to nothing', () => {
  sit();
  for (const each of ['w', 'q', 'a']) key(each);
  assert.deepEqual([last().a[forward], last().a[turn]], [1, 1]);
  for (const each of ['q', 'a']) key(each, false);
  key('S');
  assert.deepEqual([last().a[forward], last().b[deadman]], [0, 1]);
});

test('a page that loses the focus lets go of its keys', () => {
  sit();
  key('w');
  page.dispatchEvent(new Event('blur'));
  later(10);
  assert.deepEqual(last(), rest);
});

test('a page that is hidden lets go of keys and touch', () => {
  sit();
  key('w');
  stick.touch = [0.5, -0.25];
  document.hidden = true;
  document.dispatchEvent(new Event('visibilitychange'));
  later(10);
  assert.deepEqual(last(), rest);
});

test('keys of a shortcut and of a text field drive nothing', () => {
  sit();
  key('w', true, {ctrlKey: true});
  const field = new HTMLElement();
  field.tagName = 'INPUT';
  const typed = new Event('keydown');
  Object.defineProperties(typed, {key: {value: 'w'}, target: {value: field}});
  page.dispatchEvent(typed);
  later(60);
  assert.deepEqual(last(), rest);
});

test('touch moves both axes and holds the deadman', () => {
  sit();
  stick.touch = [0.5, -0.25];
  stick.tick();
  assert.deepEqual([last().a[forward], last().a[turn], last().b[deadman]], [0.5, -0.25, 1]);
});

function gamepad(given = {}) {
  return {connected: true, id: 'a pad', mapping: 'standard', axes: [0, 0, 0, 0],
    buttons: Array.from({length: 17}, () => ({pressed: false, value: 0})), ...given};
}

test('a pad at rest is the rest of the layout; forward and left are +1; a trigger goes from 1 to -1', () => {
  pads.push(gamepad({axes: [0.01, -0.01, 0, 0]}));
  sit();
  later(10);
  assert.deepEqual(last().b, layout.rest.b);
  assert.ok(last().a.every((value, i) => Math.abs(value - layout.rest.a[i]) < 1e-9));
  pads[0] = gamepad({axes: [-0.5, -1, 0, 0]});
  pads[0].buttons[4].pressed = true;
  pads[0].buttons[7].value = 1;
  later(10);
  const {left_stick_x: x, left_stick_y: y, right_trigger: trigger} = layout.axes;
  assert.deepEqual([last().a[x], last().a[y], last().a[trigger]], [0.5, 1, -1]);
  assert.equal(last().b[layout.buttons.lb], 1);
});

test('a pad that is no standard one moves nothing and says so', () => {
  pads.push(gamepad({mapping: '', axes: [1, 1, 1, 1]}));
  sit();
  later(10);
  assert.deepEqual(last(), rest);
  assert.match(stick.heard, /not a standard pad/);
});

test('after a lost lease the wheel is taken again only once all was let go of', () => {
  sit();
  key('w');
  socket.hears({t: 'seat', driver: null, viewers: 1});
  later(2000);
  assert.equal(said(socket, 'drive').length, 1);
  key('w', false);
  later(10);
  assert.equal(said(socket, 'drive').length, 2);
});

test('the wheel is not asked for while somebody else drives, nor once it was left', () => {
  sit();
  socket.hears({t: 'seat', driver: 8, viewers: 2});
  const before = said(socket, 'joy').length;
  key('w');
  key('w', false);
  later(2000);
  assert.deepEqual([said(socket, 'drive').length, said(socket, 'joy').length], [1, before]);
  stick.leave();
  socket.hears({t: 'seat', driver: null, viewers: 2});
  later(2000);
  assert.deepEqual([said(socket, 'drive').length, said(socket, 'leave').length], [1, 1]);
});
