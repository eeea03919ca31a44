"""Frames of a film: pictures of an episode with its figures written on them, and the file they go to."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import imageio.v3 as imageio
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from hrl.results.pictures import put_whole
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import HierarchySpec, manager_name
from hrl_viz import palette
from hrl_viz.shapes import Color

Picture = npt.NDArray[np.uint8]
FORMATS = (".gif", ".mp4")
_FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
_COLORS = 96
_FASTEST_GIF = 50
"""Frames per second; browsers slow down what is faster."""
_BLOCK = 2
"""Multiples of sides [pixel] that the encoder of MP4 needs."""
_SMALLEST = 8
"""Height of letters [pixel] below which nobody reads them."""
Legend = Sequence[tuple[str, Color]]
"""What is seen, and its colour."""


def check_format(out: Path) -> None:
    """Raise ``HrlError`` unless the ending names a film."""
    if out.suffix.lower() not in FORMATS:
        raise HrlError(f"--out {out}: the ending must be one of {', '.join(FORMATS)}")


def check_rate(out: Path, frames_per_second: float) -> None:
    """Raise ``HrlError`` unless a film of this ending can be so fast."""
    if _is_gif(out) and frames_per_second > _FASTEST_GIF:
        raise HrlError(
            f"--fps {frames_per_second:g}: a GIF shows at most {_FASTEST_GIF} frames a second; ask for fewer or an .mp4"
        )


def true_rate(out: Path, frames_per_second: float) -> float:
    """Frames per second that a film of this ending has: each of a GIF's is shown for whole hundredths of a second."""
    return 100 / _hundredths(frames_per_second) if _is_gif(out) else frames_per_second


def _hundredths(frames_per_second: float) -> int:
    return max(1, round(100 / frames_per_second))


def _is_gif(out: Path) -> bool:
    return out.suffix.lower() == ".gif"


def fitted(picture: Picture, width: int, height: int) -> Picture:
    """A picture as large as fits into a box [pixel]; the pixels of one that is enlarged stay sharp."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    times = max(1, math.ceil(scale))
    larger = Image.fromarray(picture.repeat(times, axis=0).repeat(times, axis=1))
    size = [max(1, round(scale * side)) for side in (picture.shape[1], picture.shape[0])]
    return np.asarray(larger.resize((size[0], size[1]), Image.Resampling.LANCZOS))


def legend(has_goal: bool, hierarchy: HierarchySpec, has_path: bool = True) -> Legend:
    """What the colours of a film mean: goals and paths where there are any, subgoals of levels that have a place."""
    levels = [k for k, level in enumerate(hierarchy.levels) if level.has_target and not level.embedded]
    # "subgoal of the" once, for the line's sake.
    subgoals = [(("" if k > levels[0] else "subgoal of the ") + manager_name(k), palette.of_level(k)) for k in levels]
    goals, paths = [("goal", palette.GOAL)] * has_goal, [("path", palette.TRAIL)] * has_path
    return [*goals, *subgoals, *paths]


def captioned(picture: Picture, words: str, explained: Legend = ()) -> Picture:
    """Write a line at the top left, and at the bottom what the colours mean, if anything is to be explained."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image, "RGBA")
    size = max(11, image.height // 30)
    font = ImageFont.truetype(str(_FONT), size)
    draw.rectangle((0, 0, image.width, 2 * size), fill=(255, 255, 255, 215))
    draw.text((size * 0.7, size * 0.4), words, font=font, fill=(20, 20, 25))
    if explained:
        _explain(draw, image, explained, size)
    return np.asarray(image)


def _explain(draw: ImageDraw.ImageDraw, image: Image.Image, explained: Legend, size: int) -> None:
    """Write the legend at the bottom, in letters small enough for all of it to fit."""
    names = [name for name, _ in explained]
    font = ImageFont.truetype(str(_FONT), size)
    while size > _SMALLEST and sum(2.2 * size + draw.textlength(name, font=font) for name in names) > image.width:
        size -= 1
        font = ImageFont.truetype(str(_FONT), size)
    left, top = size * 0.7, image.height - 1.8 * size
    draw.rectangle((0, int(top - 0.4 * size), image.width, image.height), fill=(255, 255, 255, 215))
    for name, color in explained:
        dot = tuple(round(255 * part) for part in color[:3])
        draw.ellipse((left, top + 0.2 * size, left + 0.8 * size, top + size), fill=dot)
        draw.text((left + 1.2 * size, top), name, font=font, fill=(20, 20, 25))
        left += 2.2 * size + draw.textlength(name, font=font)


def write_film(frames: Sequence[Picture], out: Path, frames_per_second: float) -> None:
    """Write a looping GIF or an MP4, whole or not at all.

    Raises:
        HrlError: the file cannot be written.
    """
    with put_whole(out) as part:
        if _is_gif(out):
            _write_gif(frames, part, frames_per_second)
        else:
            even = np.stack([_even(frame) for frame in frames])
            imageio.imwrite(part, even, fps=frames_per_second, plugin="FFMPEG", macro_block_size=_BLOCK)


def _write_gif(frames: Iterable[Picture], out: Path, frames_per_second: float) -> None:
    """One palette for all frames and no dithering: small files, and nothing flickers."""
    images = [Image.fromarray(frame) for frame in frames]
    sample = Image.fromarray(np.concatenate([np.asarray(image) for image in images[:: max(1, len(images) // 6)]]))
    common = sample.quantize(_COLORS, dither=Image.Dither.NONE)
    indexed = [image.quantize(palette=common, dither=Image.Dither.NONE) for image in images]
    duration = 10 * _hundredths(frames_per_second)
    indexed[0].save(out, save_all=True, append_images=indexed[1:], duration=duration, loop=0, optimize=True)


def _even(frame: Picture) -> Picture:
    """Cut to even sizes, as the encoder wants them."""
    height, width = (side // _BLOCK * _BLOCK for side in frame.shape[:2])
    return frame[:height, :width]
