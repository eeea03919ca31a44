"""Do the steps of the container files here, without a container engine: `python tools/check_containers.py FILE ...`.

Each file is done in a copy of what git knows, made for it and removed again. Left out is what changes the machine
itself (`apt-get`): what it names must be installed. Where there is an engine, `podman build -f FILE .` does all of it.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
KNOWN = ("FROM", "RUN", "WORKDIR", "COPY", "ENV", "ENTRYPOINT")


class Step(NamedTuple):
    """One instruction of a container file."""

    word: str
    rest: str


def steps(text: str) -> Iterator[Step]:
    """The instructions of a container file, lines that go on joined; raises ``ValueError`` at an unknown one."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word not in KNOWN:
            raise ValueError(f"unknown instruction: {line}")
        yield Step(word, rest.strip())


def packages(command: str) -> list[str]:
    """Debian packages that a command installs with apt-get."""
    words = shlex.split(command.partition("install")[2].partition("&&")[0])
    return [word for word in words if not word.startswith("-")]


def do(file: Path, folder: Path) -> int:
    """Do the steps of a file in a folder; returns the exit code of the first that fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HRL_", "PYTHONPATH"))}
    for word, rest in steps(file.read_text()):
        if word == "COPY":
            _copy(folder)
        elif word == "ENV":
            name, _, value = rest.partition("=")
            environment[name] = value
        elif word == "RUN" and "apt-get" in rest:
            missing = [package for package in packages(rest) if not _installed(package)]
            if missing:
                print(f"{file}: not installed here: {', '.join(missing)}", file=sys.stderr)
                return 1
        elif word == "RUN":
            print(f"+ {rest}", flush=True)
            code = subprocess.run(["bash", "-euc", rest], cwd=folder, env=environment, check=False).returncode
            if code:
                return code
        elif word == "ENTRYPOINT":
            program = folder / Path(rest.strip('[]"')).relative_to("/hrl")
            if not os.access(program, os.X_OK):
                print(f"{file}: {program} is no program", file=sys.stderr)
                return 1
    return 0


def _copy(folder: Path) -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def _installed(package: str) -> bool:
    return subprocess.run(["dpkg", "-s", package], capture_output=True, check=False).returncode == 0


def main() -> int:
    """Do the given files, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, default=sorted((ROOT / "containers").glob("*.Containerfile")))
    for file in parser.parse_args().files:
        with tempfile.TemporaryDirectory() as folder:
            code = do(file, Path(folder))
        print(f"{file.name}: {'done' if code == 0 else f'failed ({code})'}", flush=True)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
