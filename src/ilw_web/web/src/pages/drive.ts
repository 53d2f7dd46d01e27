// Drive: the stick, who drives and why a request was changed, the scene, cameras and charts.
import {Charts} from '../charts';
import {button, el, list} from '../dom';
import type {Hello, Link} from '../link';
import {Scene} from '../scene';
import {Stick} from '../stick';

const REASONS: Record<string, string> = {
  stale: 'the request came too late', expired: 'its actions are used up', disarmed: 'no policy is armed',
  observation: 'it follows from an old observation', nonfinite: 'it holds no number',
  length: 'it has the wrong length', contract: 'it is of another contract', rival: 'somebody else commands, too',
  estop: 'the emergency stop is latched', silent: 'nobody asks for anything', range: 'beyond the limits',
  rate: 'faster than the limits let it change', smooth: 'smoothed', wheels: 'beyond what the wheels can do',
  obstacle: 'an obstacle is ahead', workspace: 'the workspace ends', blind: 'no scan that is evidence',
  near: 'something too near to be measured', unseen: 'nobody looks where it drives',
  range_end: 'at the end of a range', unmeasured: 'where it is was not heard'};

export interface Page {
  name: string; element: HTMLElement;
  open?: () => void; // it is shown
}

export function drivePage(link: Link, hello: Hello, tell: (text: string) => void): Page & {scene: Scene | null} {
  const stick = new Stick(link, hello.pad);
  const canvas = el('canvas', {className: 'scene', 'aria-label': 'The robot in its room'});
  let scene: Scene | null = null, sceneNote = '';
  try {
    scene = new Scene(canvas, link, hello);
  } catch {
    sceneNote = 'This browser has no WebGL, so the scene is not drawn. Turn on hardware acceleration or use another one; driving works without.';
  }
  const wheel = button('Take the wheel', () => (stick.wants ? stick.leave() : stick.take()),
    'Sends your stick to the robot');
  const call = (name: string) => () => void link.request('call', name).then((answer) => {
    tell(answer.ok ? '' : answer.text);
  });
  const heard = el('p', {}), who = el('p', {className: 'state'}), why = el('div', {});
  link.on('arbiter', (news) => {
    const parts = [news.armed ? 'policy armed' : 'policy not armed',
      news.sent ? 'commands are sent' : 'dry run: nothing is sent'];
    who.textContent = news.estopped ? `EMERGENCY STOP: ${news.why}`
      : `Drives: ${news.source}; ${parts.join('; ')}`;
    who.classList.toggle('bad', news.estopped);
    why.replaceChildren(list((news.reasons as string[]).map((each) => `${each}: ${REASONS[each] ?? ''}`)));
  });
  const policy = el('p', {});
  link.on('policy', (news) => {
    policy.textContent = `Policy ${String(news.checkpoint).slice(0, 8)}: ${news.acting ? `acts within ${news.ms} ms` : news.reason}`;
  });
  setInterval(() => {
    heard.textContent = stick.heard;
    wheel.textContent = link.drives ? 'Leave the wheel' : stick.wants
      ? (link.driver === null ? 'Let go of all controls …' : 'Somebody else drives …') : 'Take the wheel';
    wheel.setAttribute('aria-pressed', String(link.drives));
  }, 200);
  let above = true;
  const view = button('Look around (3-D)', () => {
    above = !above;
    view.textContent = above ? 'Look around (3-D)' : 'Look from above';
    scene?.look(above);
  });
  const element = el('div', {className: 'drive'},
    el('section', {className: 'picture'}, canvas, el('p', {}, sceneNote),
      el('div', {className: 'row'}, view, button('Clear path', () => scene?.clear())), cameras(link)),
    el('section', {'aria-label': 'Controls'},
      el('div', {className: 'row'}, wheel,
        button('Arm policy', call('arm'), 'Key m'), button('Disarm', call('disarm'), 'Key k'),
        button('Release e-stop', call('reset'), 'Key u')),
      who, why, policy, heard, touchStick(stick),
      el('details', {}, el('summary', {}, 'Keys'), list([
        ...Object.entries(hello.moves).filter(([, text]) => text).map(([key, text]) => `${key}: ${text}`),
        'shift: turbo', 'space: let go', 'x: EMERGENCY STOP', 'm: arm the policy', 'k: disarm it',
        'u: release the emergency stop', 'b: begin an episode', 'y: save it, success',
        'n: save it, failure', 'r: throw it away'])),
      el('p', {}, 'To take over from a policy hold the deadman (or a movement key) and steer.'),
      new Charts(link, hello).element));
  return {name: 'Drive', element, scene};
}

function touchStick(stick: Stick): HTMLElement {
  const knob = el('div', {className: 'knob'});
  const pad = el('div', {className: 'touch', 'aria-hidden': 'true'}, knob);
  const move = (event: PointerEvent): void => {
    const box = pad.getBoundingClientRect();
    const x = clip((event.clientX - box.left) / box.width * 2 - 1);
    const y = clip((event.clientY - box.top) / box.height * 2 - 1);
    stick.touch = [-y, -x];
    knob.style.transform = `translate(${x * 60}px, ${y * 60}px)`;
    stick.tick();
  };
  const release = (): void => {
    stick.touch = null;
    knob.style.transform = '';
    stick.tick();
  };
  pad.addEventListener('pointerdown', (event) => { pad.setPointerCapture(event.pointerId); move(event); });
  pad.addEventListener('pointermove', (event) => { if (stick.touch) move(event); });
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) pad.addEventListener(end, release);
  return pad;
}

function cameras(link: Link): HTMLElement {
  const room = el('div', {className: 'cameras'});
  const shown = new Map<string, HTMLCanvasElement>();
  link.on('camera', (news, body) => void draw(news.name, body!));
  const draw = async (name: string, body: Blob): Promise<void> => {
    let canvas = shown.get(name);
    if (!canvas) {
      canvas = el('canvas', {});
      shown.set(name, canvas);
      room.append(el('figure', {}, canvas, el('figcaption', {}, name)));
    }
    if (document.hidden || !canvas.clientWidth) return;
    const image = await createImageBitmap(body);
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext('2d')?.drawImage(image, 0, 0);
    image.close();
  };
  return room;
}

function clip(value: number): number { return Math.max(-1, Math.min(1, value)); }
