"""Frames of a film: pictures of an episode with its figures written on them, and the file they go to."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import imageio.v3 as imageio
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import HierarchySpec, manager_name
from hrl_viz import palette
from hrl_viz.shapes import Color

Picture = npt.NDArray[np.uint8]
FORMATS = (".gif", ".mp4")
_FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
_COLORS = 96
_SMALLEST = 8
"""Height of letters [pixel] below which nobody reads them."""
Legend = Sequence[tuple[str, Color]]
"""What is seen, and its colour."""


def check_format(out: Path) -> None:
    """Raise ``HrlError`` unless the ending names a film."""
    if out.suffix.lower() not in FORMATS:
        raise HrlError(f"--out {out}: the ending must be one of {', '.join(FORMATS)}")


def legend(has_goal: bool, hierarchy: HierarchySpec) -> Legend:
    """What the colours of a film mean: goals where there are any, and the subgoals of each level that have a place."""
    levels = [k for k, level in enumerate(hierarchy.levels) if level.has_target and not level.embedded]
    # "subgoal of the" once, for the line's sake.
    subgoals = [(("" if k > levels[0] else "subgoal of the ") + manager_name(k), palette.of_level(k)) for k in levels]
    return [*([("goal", palette.GOAL)] if has_goal else []), *subgoals, ("path", palette.TRAIL)]


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
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() == ".gif":
            _write_gif(frames, part, frames_per_second)
        else:
            imageio.imwrite(part, np.stack([_even(f) for f in frames]), fps=frames_per_second, plugin="FFMPEG")
        part.replace(out)
    except OSError as error:
        raise HrlError(f"--out {out} cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def _write_gif(frames: Iterable[Picture], out: Path, frames_per_second: float) -> None:
    """One palette for all frames and no dithering: small files, and nothing flickers."""
    images = [Image.fromarray(frame) for frame in frames]
    sample = Image.fromarray(np.concatenate([np.asarray(image) for image in images[:: max(1, len(images) // 6)]]))
    common = sample.quantize(_COLORS, dither=Image.Dither.NONE)
    indexed = [image.quantize(palette=common, dither=Image.Dither.NONE) for image in images]
    duration = round(1000 / frames_per_second)
    indexed[0].save(out, save_all=True, append_images=indexed[1:], duration=duration, loop=0, optimize=True)


def _even(frame: Picture) -> Picture:
    """Cut to even sizes, as the encoder wants them."""
    return frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]
