"""Putting samples one after the other so that nothing is heard where they meet."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

_FADE_S = 0.003  # shorter than anything that is heard as part of speech


def joined(parts: Sequence[npt.NDArray[np.int16]], *, sample_rate_hz: int) -> npt.NDArray[np.int16]:
    """Return the parts in order; where two meet, the first fades out and the second in.

    A part that ends or begins loudly would click there. Beginning and end of the whole stay as they
    are, unless the part there is shorter than a fade (3 ms), and so does a single part.

    Args:
        parts: Samples, at least one part: of one channel, or frames x channels.
        sample_rate_hz: Of all of them.
    """
    if len(parts) == 1:
        return parts[0]
    whole = np.concatenate(parts)
    ramp = np.linspace(0.0, 1.0, max(2, round(_FADE_S * sample_rate_hz)))
    ramp = ramp.reshape(-1, *(1,) * (whole.ndim - 1))
    seams = accumulate(len(part) for part in parts)
    for (before, after), seam in zip(pairwise(parts), seams, strict=False):  # the end is no seam
        fading_out = whole[seam - min(len(ramp), len(before)) : seam][::-1]
        fading_in = whole[seam : seam + min(len(ramp), len(after))]
        for edge in (fading_out, fading_in):
            edge[:] = edge * ramp[: len(edge)]
    return whole
