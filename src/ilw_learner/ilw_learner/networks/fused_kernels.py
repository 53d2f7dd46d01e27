"""
What an update does between its matrix products, on a CPU: one pass over memory each.

torch takes a pass per operation, and between products of 256 by 256 those passes cost as much as a
product. Measured at 256-256, batch 256, one thread: 1.3 times the updates of the same in torch.
"""

import math

from numba import njit
import numpy as np

# Without nnan and ninf, which would let the compiler assume that nothing is ever NaN.
_compiled = njit(cache=True, error_model='numpy',
                 fastmath={'contract', 'reassoc', 'arcp', 'nsz', 'afn'})
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
_BLOCK = 2048
"""Parameters at a time: more arrays in one loop than the compiler will check for overlap"""


@_compiled
def add_bias(out, bias):
    """Add (O,) to every row of (B, O), in place."""
    for row in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[row, i] += bias[i]


@_compiled
def add_bias_relu(out, bias):
    """Add (O,) to every row of (B, O) and cut what is negative, in place."""
    for row in range(out.shape[0]):
        for i in range(out.shape[1]):
            value = out[row, i] + bias[i]
            out[row, i] = _ZERO if value < _ZERO else value


@_compiled
def few_outputs(inputs, weight, bias, out):
    """Write (B, I) times the transpose of (O, I), plus (O,), to (B, O)."""
    for row in range(inputs.shape[0]):
        for o in range(weight.shape[0]):
            total = _ZERO
            for i in range(weight.shape[1]):
                total += inputs[row, i] * weight[o, i]
            out[row, o] = total + bias[o]


@_compiled
def one_input(flat, sizes, inputs, memory):
    """
    Return the outputs (O,) of a ``FusedMlp`` with weights ``flat`` (P,) for inputs (I,).

    :param sizes: (L,) units of each layer; ``memory``: (2, the most of them), overwritten.
    """
    memory[0, :sizes[0]] = inputs
    at, last = 0, sizes.size - 2
    for layer in range(sizes.size - 1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        below, out = memory[layer % 2], memory[(layer + 1) % 2, :fan_out]
        weights = flat[at:at + fan_in * fan_out]
        out[:] = flat[at + fan_in * fan_out:at + (fan_in + 1) * fan_out]
        if layer == last:  # by output
            for o in range(fan_out):
                row = weights[o * fan_in:(o + 1) * fan_in]
                total = _ZERO
                for i in range(fan_in):
                    total += below[i] * row[i]
                out[o] += total
        else:
            for i in range(fan_in):
                value = below[i]
                if value != _ZERO:  # about half of them, after a ReLU
                    row = weights[i * fan_out:(i + 1) * fan_out]
                    for o in range(fan_out):
                        out[o] += value * row[o]
            for o in range(fan_out):
                out[o] = max(out[o], _ZERO)
        at += (fan_in + 1) * fan_out
    return memory[(sizes.size - 1) % 2, :sizes[-1]]


@_compiled
def sum_rows(slope, total):
    """Write the sum of the rows of (B, O) to (O,): the slope of a bias."""
    total[:] = _ZERO
    for row in range(slope.shape[0]):
        for i in range(slope.shape[1]):
            total[i] += slope[row, i]


@_compiled
def huber_slope(out, wanted, huber, slope):
    """Write the derivative of the mean Huber loss by (B, O) outputs to ``slope``."""
    scale = _ONE / (huber * np.float32(out.size))
    for row in range(out.shape[0]):
        for i in range(out.shape[1]):
            error = out[row, i] - wanted[row, i]
            error = huber if error > huber else (-huber if error < -huber else error)
            slope[row, i] = error * scale


@_compiled
def relu_slope(slope, out, total):
    """Set (B, O) slopes to 0 where the ReLU's output was 0, and write their sum to (O,)."""
    total[:] = _ZERO
    for row in range(slope.shape[0]):
        for i in range(slope.shape[1]):
            value = slope[row, i] if out[row, i] != _ZERO else _ZERO
            slope[row, i] = value
            total[i] += value


@_compiled
def pick_rows(stored, rows, obs, after, reward, discount, action):
    """
    Copy transitions out of where they are stored, (R, 2 * I + 3), in the order of the arguments.

    :param rows: (B,) which; ``obs`` and ``after``: (B, I); the others: (B,).
    """
    width = obs.shape[1]
    for i in range(rows.size):
        row = stored[rows[i]]
        for k in range(width):
            obs[i, k] = row[k]
            after[i, k] = row[width + k]
        reward[i], discount[i], action[i] = row[2 * width], row[2 * width + 1], row[2 * width + 2]


@_compiled
def values_of_best(values, judged, best):
    """Write to (B,) the value, of (B, K), of the choice that ``judged`` (B, K) prefers."""
    for row in range(values.shape[0]):
        chosen = 0
        for k in range(1, values.shape[1]):
            if judged[row, k] > judged[row, chosen]:
                chosen = k
        best[row] = values[row, chosen]


@_compiled
def value_slope(values, action, reward, discount, later, weight, gap, slope, error):
    """
    Write the errors (B,) of values (B, K), and the slope of their mean Huber loss by the values.

    :param later: (B,) value of what comes after; ``weight``: (B,) of each error, or (0,).
    :param gap: as ``DqnConfig.action_gap``.
    """
    scale = _ONE / np.float32(values.shape[0])
    for row in range(values.shape[0]):
        taken, best = values[row, action[row]], values[row, 0]
        for k in range(values.shape[1]):
            slope[row, k] = _ZERO
            best = max(best, values[row, k])
        off = taken - (reward[row] + discount[row] * later[row] - gap * (best - taken))
        error[row] = off
        pull = _ONE if off > _ONE else (-_ONE if off < -_ONE else off)
        slope[row, action[row]] = pull * scale * (weight[row] if weight.size else _ONE)


@_compiled
def length(vector):
    """Return the Euclidean norm of (P,)."""
    total = np.float32(0.0)
    for i in range(vector.size):
        total += vector[i] * vector[i]
    return math.sqrt(total)


@_compiled
def _adam(p, grad, first, second, rate, root, keep, scale):
    for i in range(p.size):
        g = grad[i] * scale
        m = first[i] + np.float32(0.1) * (g - first[i])
        v = second[i] + np.float32(0.001) * (g * g - second[i])
        first[i], second[i] = m, v
        p[i] = keep * p[i] - rate * m / (math.sqrt(v) * root + np.float32(1e-8))


@_compiled
def _lerp(average, p, share):
    for i in range(p.size):
        average[i] += share * (p[i] - average[i])


@_compiled
def adam(p, grad, first, second, average, rate, root, keep, scale, share):
    """
    Make one step of AdamW (beta 0.9 and 0.999), and move the average of the parameters.

    :param p: (P,) parameters; ``grad``, ``first``, ``second`` (moments) and ``average`` alike.
    :param rate: learning rate / (1 - 0.9 ** steps).
    :param root: 1 / sqrt(1 - 0.999 ** steps).
    :param keep: 1 - learning rate * weight decay.
    :param scale: of the gradient, to clip it.
    :param share: how far the average moves; 0: not.
    """
    for begin in range(0, p.size, _BLOCK):
        end = min(begin + _BLOCK, p.size)
        _adam(p[begin:end], grad[begin:end], first[begin:end], second[begin:end],
              np.float32(rate), np.float32(root), np.float32(keep), np.float32(scale))
        if share > 0.0:
            _lerp(average[begin:end], p[begin:end], np.float32(share))
