// Numbers between two news of them: drawn as they come, 10 a second, what moves would stutter.
const SLOWEST_MS = 250;

export class Glide {
  moves = false; // not yet shown where it is to be
  private from: number[] = [];
  private to: number[] = [];
  private sinceMs = 0;
  private takesMs = 0;

  // What came is reached when the next is due, as far as the time since the last one tells.
  aim(values: number[], nowMs: number, jump = false): void {
    const begins = jump || this.to.length !== values.length;
    this.from = begins ? values : this.at(nowMs);
    this.moves ||= begins || values.some((value, i) => Math.abs(value - this.from[i]!) > 1e-4);
    this.takesMs = Math.min(SLOWEST_MS, nowMs - this.sinceMs);
    [this.to, this.sinceMs] = [values, nowMs];
  }

  // Return where it is to be shown now.
  show(nowMs: number): number[] {
    this.moves = this.part(nowMs) < 1;
    return this.at(nowMs);
  }

  private at(nowMs: number): number[] {
    const part = this.part(nowMs);
    return this.to.map((value, i) => this.from[i]! + part * (value - this.from[i]!));
  }

  private part(nowMs: number): number {
    return this.takesMs > 0 ? Math.min(1, (nowMs - this.sinceMs) / this.takesMs) : 1;
  }
}
