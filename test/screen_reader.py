"""A pseudo-terminal and whoever sits before it: types keys, and reads what the screen shows."""

import fcntl
import heapq
import math
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

_CONTROL = re.compile(r'\x1b\[([0-9;?]*)([A-Za-z])')
WALLS = {' ': (0, 0), '▄': (0, 1), '▀': (1, 0), '█': (1, 1)}
ROBOT = '→↗↑↖←↙↓↘'
MAP = set(WALLS) | set(ROBOT) | set('◎×·')


class Glass:
    """What a terminal shows: the few controls that a plain one has."""

    def __init__(self, columns, rows):
        self.columns, self.height = columns, rows
        self.rows, self.x, self.y = [[] for _ in range(rows)], 0, 0
        self._rest = b''
        self.gone = []
        """Lines that went off the top, which a person scrolls back to"""
        self.strange = []
        """Controls that this does not know"""

    def feed(self, data):
        data = self._rest + data
        cut = data.rfind(b'\x1b') if b'\x1b' in data[-12:] else len(data)
        if cut < len(data) and _CONTROL.match(data[cut:].decode(errors='ignore')):
            cut = len(data)
        while cut and cut == len(data) and data[-1] >= 0x80:
            try:
                data.decode()
                break
            except UnicodeDecodeError as error:
                cut = error.start
        data, self._rest = data[:cut], data[cut:]
        text, i = data.decode(errors='replace'), 0
        while i < len(text):
            found = _CONTROL.match(text, i)
            if found:
                self._control(found[1], found[2])
                i = found.end()
                continue
            self._put(text[i])
            i += 1

    def resize(self, columns, rows):
        """Change the size as terminals do that wrap long lines anew."""
        text = '\n'.join(self.lines[:self.y + 1])
        self.__init__(columns, rows)
        for character in text:
            if character == '\n':
                self.x = 0
            self._put(character)

    def _control(self, numbers, letter):
        if letter == 'H' and not numbers:
            self.x = self.y = 0
        elif letter == 'A':
            self.y = max(0, self.y - int(numbers or 1))
        elif letter == 'J' and numbers in ('', '0'):
            del self.rows[self.y][self.x:]
            for row in self.rows[self.y + 1:]:
                row.clear()
        elif letter == 'K' and numbers in ('', '0'):
            del self.rows[self.y][self.x:]
        elif letter != 'm':
            self.strange.append(numbers + letter)

    def _put(self, character):
        if character == '\r':
            self.x = 0
        elif character == '\n':
            self._feed_line()
        elif character.isprintable():
            if self.x >= self.columns:
                self.x = 0
                self._feed_line()
            row = self.rows[self.y]
            row.extend(' ' * (self.x + 1 - len(row)))
            row[self.x] = character
            self.x += 1

    def _feed_line(self):
        if self.y + 1 < self.height:
            self.y += 1
        else:
            self.gone.append(''.join(self.rows[0]).rstrip())
            self.rows = [*self.rows[1:], []]

    @property
    def lines(self):
        return [''.join(row).rstrip() for row in self.rows]


class Desk:
    """A command on a terminal of its own."""

    def __init__(self, *words, columns=100, rows=40, cwd=None):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'ilw_bringup.cli', *words], stdin=theirs, stdout=theirs,
            stderr=theirs, cwd=cwd, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        os.set_blocking(self._ours, False)
        self.glass = Glass(columns, rows)
        self.said, self._gone = '', 0

    def look(self):
        """Return the lines on the screen now."""
        while True:
            try:
                data = os.read(self._ours, 65536)
            except (BlockingIOError, OSError):
                return self.glass.lines
            if not data:
                return self.glass.lines
            self.said += data.decode(errors='replace')
            self.glass.feed(data)

    def sees(self, pattern, *, back=False):
        """Return the first match on the screen, or None; ``back``: or above, since a key."""
        lines = self.look()
        return re.search(pattern, '\n'.join([*self.glass.gone[self._gone:], *lines]
                                            if back else lines))

    def type(self, keys):
        self.look()
        self._gone = len(self.glass.gone)
        os.write(self._ours, keys.encode())

    def until(self, pattern, seconds=60.0, every=None, *, back=False):
        """Wait until the screen shows it; ``every``: a key to hold down meanwhile."""
        deadline = time.monotonic() + seconds
        while not (found := self.sees(pattern, back=back)):
            assert self.process.poll() is None, '\n'.join(['it ended', *self.glass.lines])
            assert time.monotonic() < deadline, '\n'.join([f'no {pattern!r}', *self.glass.lines])
            if every:
                self.type(every)
            time.sleep(0.05)
        return found

    def end(self, seconds=30.0):
        """Press Ctrl-C; return the exit code."""
        self.type('\x03')
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self.look()
            time.sleep(0.02)
        self.look()
        return self.process.poll()

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._ours)


def read_map(lines):
    """Return (walls by half rows, robot (x, y, heading), goal (x, y)) in half rows, or None."""
    legends = [i for i, line in enumerate(lines) if 'heading' in line and 'driven' in line]
    if not legends:
        return None
    legend = legends[-1]
    first = legend
    while first > 0 and lines[first - 1] and set(lines[first - 1]) <= MAP:
        first -= 1
    rows = lines[first:legend]
    width = max(map(len, rows), default=0)
    walls, robot, goal = [], None, None
    heading = math.radians(float(re.search(r'heading (\d+)', lines[legend])[1]))
    for j, row in enumerate(rows):
        halves = [WALLS.get(character, (0, 0)) for character in row.ljust(width)]
        walls += [[half[0] for half in halves], [half[1] for half in halves]]
        for i, character in enumerate(row):
            if character in ROBOT:
                robot = (i + 0.5, 2.0 * j + 1.0, heading)
            elif character == '◎':
                goal = (i + 0.5, 2.0 * j + 1.0)
    return (walls, robot, goal) if robot and goal else None


def way(walls, start, goal):
    """Return the cells (x, y) from start to goal that keep away from walls; empty: no way."""
    height, width = len(walls), len(walls[0])
    room = {(x, y): 0 for y in range(height) for x in range(width) if walls[y][x]}
    edge = list(room)
    while edge:
        following = []
        for x, y in edge:
            for near in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if near not in room and 0 <= near[0] < width and 0 <= near[1] < height:
                    room[near] = room[x, y] + 1
                    following.append(near)
        edge = following
    begin, end = tuple(map(int, start[:2])), tuple(map(int, goal))
    came, best, queue = {begin: None}, {begin: 0.0}, [(0.0, begin)]
    while queue:
        cost, cell = heapq.heappop(queue)
        if cell == end:
            break
        if cost > best[cell]:
            continue
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            near = (cell[0] + dx, cell[1] + dy)
            if room.get(near, 0) < 1:
                continue
            step = cost + math.hypot(dx, dy) * (1.0 + 60.0 / room[near] ** 2)
            if step < best.get(near, math.inf):
                came[near], best[near] = cell, step
                heapq.heappush(queue, (step, near))
    cells, cell = [], end if end in came else None
    while cell is not None:
        cells.append(cell)
        cell = came[cell]
    return cells[::-1]


def key_towards(walls, robot, goal, *, ahead=7):
    """Return the key that a person would hold now: w, a or d; space where there is no way."""
    cells = way(walls, robot, goal)
    if not cells:
        return ' '
    x, y = cells[min(ahead, len(cells) - 1)]
    wanted = math.atan2(robot[1] - (y + 0.5), x + 0.5 - robot[0])
    error = math.remainder(wanted - robot[2], 2.0 * math.pi)
    if abs(error) < 0.4:
        return 'w'
    return 'a' if error > 0 else 'd'
