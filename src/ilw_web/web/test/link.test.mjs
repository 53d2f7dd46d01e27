// The socket: joined again when it is lost, answers to who asked, pictures taken apart.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {beforeEach, test} from 'node:test';
import {Link} from '../src/link';
import {anew, later, said, Socket} from './browser.mjs';

const server = JSON.parse(readFileSync(process.env.ILW_SERVER_SAYS, 'utf8'));
let link, told;

beforeEach(() => {
  anew();
  told = [];
  link = new Link('secret', (text) => told.push(text));
  link.connect();
});

function joined() {
  const socket = Socket.all.at(-1);
  socket.opens();
  socket.hears({...server.hello, t: 'hello', you: 7}, {t: 'seat', driver: 7, viewers: 1});
  return socket;
}

test('it offers the protocol and the token, and shows neither in the address', () => {
  const [socket] = Socket.all;
  assert.deepEqual(socket.protocols, [server.protocol, 'secret']);
  assert.equal(socket.address, 'ws://127.0.0.1:8765/socket');
});

test('a page that came by TLS joins by TLS', () => {
  location.protocol = 'https:';
  link.connect();
  assert.match(Socket.all.at(-1).address, /^wss:/);
});

test('who sits in the seat drives, and whoever lost the link does not', () => {
  const socket = joined();
  assert.equal(link.drives, true);
  socket.hears({t: 'seat', driver: 8, viewers: 2});
  assert.equal(link.drives, false);
  socket.hears({t: 'seat', driver: 7, viewers: 2});
  socket.closes('flood');
  assert.equal(link.drives, false);
  assert.match(told.at(-1), /was lost. flood Joining again/);
});

test('a lost link is joined again after a second, each time, and drives only once seated', () => {
  for (let times = 2; times < 5; times++) {
    Socket.all.at(-1).closes();
    later(999);
    assert.equal(Socket.all.length, times - 1);
    later(1);
    assert.equal(Socket.all.length, times);
  }
  const socket = Socket.all.at(-1);
  socket.opens();
  socket.hears({...server.hello, t: 'hello', you: 9}, {t: 'seat', driver: null, viewers: 1});
  assert.deepEqual([link.you, link.drives, told.at(-1)], [9, false, '']);
});

test('a page that was never let in says so', () => {
  Socket.all[0].closes();
  assert.match(told.at(-1), /does not let this page in/);
});

test('an answer goes to who asked it, in whatever order they come', async () => {
  const socket = joined();
  const first = link.request('ask', 'episodes'), second = link.request('call', 'save', {outcome: 'success'});
  const [ask] = said(socket, 'ask'), [call] = said(socket, 'call');
  assert.deepEqual(call.with, {outcome: 'success'});
  socket.hears({t: 'answer', id: call.id, name: 'save', ok: false, text: 'no', data: null});
  socket.hears({t: 'answer', id: ask.id, name: 'episodes', ok: true, text: '', data: [1]});
  assert.deepEqual([(await first).data, (await second).text], [[1], 'no']);
});

test('what was asked when the link was lost is answered so, and without a link nothing is sent', async () => {
  const socket = joined();
  const open = link.request('ask', 'check');
  socket.closes();
  assert.deepEqual(await open, {ok: false, text: 'The link was lost.', data: null});
  assert.equal((await link.request('ask', 'check')).text, 'There is no link.');
  link.estop();
  assert.equal(said(socket, 'estop').length, 0);
});

test('who is never answered is told so', async () => {
  joined();
  const open = link.request('ask', 'check');
  later(320_000);
  assert.equal((await open).text, 'No answer came.');
});

test('the emergency stop is the very text that the server looks for, and its refusal is shown', () => {
  const socket = joined();
  link.estop();
  assert.equal(socket.sent.at(-1), server.estop);
  socket.hears({t: 'answer', id: null, name: 'estop', ok: false, text: 'no arbiter', data: null});
  assert.equal(told.at(-1), 'Emergency stop: no arbiter');
});

test('a picture is taken apart as the server put it together', async () => {
  const socket = joined();
  const heard = new Promise((resolve) => link.on('camera', (news, body) => resolve([news, body])));
  socket.onmessage({data: new Uint8Array(server.frame).buffer});
  const [news, body] = await heard;
  assert.deepEqual(news, {t: 'camera', name: 'vorn ü'});
  assert.deepEqual([...new Uint8Array(await body.arrayBuffer())], server.body);
});
