// Gamepad, keyboard and touch as one pad of the layout that the robot's teleop node reads.
import type {Link, PadLayout} from './link';

const TICK_MS = 10;
const REPEAT_MS = 50; // a quarter of the lease
const RETAKE_MS = 500;
const MOVES: Record<string, [number, number]> = {
  w: [1, 0], s: [-1, 0], a: [0, 1], d: [0, -1], q: [1, 1], e: [1, -1],
  arrowup: [1, 0], arrowdown: [-1, 0], arrowleft: [0, 1], arrowright: [0, -1]};
// The standard mapping of https://www.w3.org/TR/gamepad: the browser's names of an Xbox pad.
const STICKS = ['left_stick_x', 'left_stick_y', 'right_stick_x', 'right_stick_y'];
const BUTTONS = ['a', 'b', 'x', 'y', 'lb', 'rb', '', '', 'back', 'start', 'left_stick',
  'right_stick', '', '', '', '', 'guide'];

export class Stick {
  wants = false;
  heard = 'Take the wheel, then use a gamepad, the keys w a s d or the stick below.';
  touch: [number, number] | null = null;
  private readonly keys = new Set<string>();
  private sent = '';
  private sentMs = 0;
  private askedMs = 0;

  constructor(private readonly link: Link, private readonly layout: PadLayout) {
    setInterval(() => this.tick(), TICK_MS);
    addEventListener('keydown', (event) => this.onKey(event, true));
    addEventListener('keyup', (event) => this.onKey(event, false));
    addEventListener('blur', () => { this.keys.clear(); this.touch = null; });
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) { this.keys.clear(); this.touch = null; }
    });
  }

  take(): void { this.wants = true; this.askedMs = performance.now(); this.link.send({t: 'drive'}); }

  leave(): void { this.wants = false; this.link.send({t: 'leave'}); }

  // Called at once where something changed; else by the timer.
  tick(): void {
    if (!this.wants) return;
    const now = performance.now();
    const {a, b} = this.state();
    const text = JSON.stringify([a, b]);
    if (this.link.drives) {
      if (text !== this.sent || now - this.sentMs >= REPEAT_MS) {
        this.link.send({t: 'joy', a, b});
        [this.sent, this.sentMs] = [text, now];
      }
    } else if (this.link.driver === null && now - this.askedMs > RETAKE_MS && this.rests(text)) {
      this.take();  // the lease was lost, and all of it was let go of since
    }
  }

  private rests(text: string): boolean {
    return text === JSON.stringify([this.layout.rest.a, this.layout.rest.b]);
  }

  private onKey(event: KeyboardEvent, down: boolean): void {
    const key = event.key.toLowerCase();
    const typing = event.target instanceof HTMLElement
      && ['INPUT', 'TEXTAREA', 'SELECT'].includes(event.target.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === ' ' && this.wants && !(event.target instanceof HTMLButtonElement)) {
      this.keys.clear();
      event.preventDefault();
    } else if (key in MOVES || key === 'shift') {
      if (this.wants && key.startsWith('arrow')) event.preventDefault();
      if (down) this.keys.add(key); else this.keys.delete(key);
    } else return;
    this.tick();
  }

  private state(): {a: number[]; b: number[]} {
    const a = [...this.layout.rest.a], b = [...this.layout.rest.b];
    const pad = navigator.getGamepads?.().find((each) => each?.connected);
    if (pad) this.read(pad, a, b);
    const held = [...this.keys].filter((key) => key in MOVES).map((key) => MOVES[key]!);
    const moved = this.touch ?? (held.length
      ? [clip(sum(held, 0)), clip(sum(held, 1))] as [number, number] : null);
    if (moved) {
      this.move('forward', moved[0], a);
      this.move('turn', moved[1], a);
      this.press('deadman', a, b);
      if (this.keys.has('shift')) this.press('turbo', a, b);
    }
    const deadman = this.layout.mapping['deadman'] ?? '';
    this.heard = pad ? `${pad.id}${pad.mapping === 'standard' ? '' : ' (not a standard pad: use another browser or --input evdev)'}; hold ${deadman} to drive`
      : 'No gamepad yet: press one of its buttons. Keys: w a s d or arrows, shift for turbo.';
    return {a, b};
  }

  private read(pad: Gamepad, a: number[], b: number[]): void {
    if (pad.mapping !== 'standard') return;
    STICKS.forEach((name, i) => {  // forward and left are +1 in ROS
      const value = -(pad.axes[i] ?? 0);
      this.put(name, Math.abs(value) < 0.02 ? 0 : clip(value), a);
    });
    BUTTONS.forEach((name, i) => {
      const at = this.layout.buttons[name];
      if (at !== undefined && pad.buttons[i]?.pressed) b[at] = 1;
    });
    const value = (i: number): number => pad.buttons[i]?.value ?? 0;
    this.put('left_trigger', 1 - 2 * value(6), a);
    this.put('right_trigger', 1 - 2 * value(7), a);
    this.put('dpad_y', Math.round(value(12) - value(13)), a);
    this.put('dpad_x', Math.round(value(14) - value(15)), a);
  }

  private put(name: string, value: number, a: number[]): void {
    const at = this.layout.axes[name];
    if (at !== undefined) a[at] = Number(value.toFixed(3));
  }

  private move(control: string, value: number, a: number[]): void {
    this.put(this.layout.mapping[control] ?? '', value, a);
  }

  private press(control: string, a: number[], b: number[]): void {
    const name = this.layout.mapping[control] ?? '';
    if (name[0] === '+' || name[0] === '-') this.put(name.slice(1), name[0] === '+' ? 1 : -1, a);
    else if (this.layout.buttons[name] !== undefined) b[this.layout.buttons[name]] = 1;
  }
}

function clip(value: number): number { return Math.max(-1, Math.min(1, value)); }

function sum(pairs: [number, number][], at: 0 | 1): number {
  return pairs.reduce((total, pair) => total + pair[at], 0);
}
