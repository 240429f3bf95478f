"""Installs the built wheel where nothing else is and uses it: `make check-install`.

Not a pytest module: it builds environments, which the quick suite must not.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
QUIET = ("--quiet", "--disable-pip-version-check")


def command(*arguments: str | Path, cwd: Path, expect: int = 0) -> str:
    """Run a command; its standard output."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    if done.returncode != expect:
        sys.exit(
            f"{arguments} ended with {done.returncode}, not {expect}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout + (done.stderr if expect else "")


def main() -> None:
    """Check the plugin alone first, then the tool."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pip = (sys.executable, "-m", "pip")
        command(*pip, "wheel", *QUIET, "--no-deps", "-w", place, REPOSITORY, cwd=place)
        (wheel,) = place.glob("*.whl")
        venv.create(place / "venv", with_pip=True)
        bin_folder = place / "venv" / "bin"
        install = (bin_folder / "pip", "install", *QUIET, "-c", REPOSITORY / "constraints.txt")

        command(*install, f"{wheel}[tensorflow]", cwd=place)
        use = (
            "import keras_seq, numpy;"
            "print(keras_seq.layers.PeepholeLSTM(4)(numpy.ones((2, 3, 1))).shape)"
        )
        print(command(bin_folder / "python", "-c", use, cwd=place).strip())
        refusal = command(bin_folder / "keras-seq", "list", cwd=place, expect=2)
        if 'pip install "keras-seq[app,tensorflow]"' not in refusal:
            sys.exit(f"The refusal names no extra: {refusal}")

        command(*install, f"{wheel}[app,tensorflow]", cwd=place)
        run = ("run", "adding", "--models", "lstm", "--seeds", "1", "--steps", "3", "--json")
        document = json.loads(command(bin_folder / "keras-seq", *run, cwd=place))
        if document["status"] != "completed":
            sys.exit(f"The installed tool trained nothing: {document}")
        print("The wheel installs and trains without development packages.")


if __name__ == "__main__":
    main()
