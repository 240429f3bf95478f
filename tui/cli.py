"""The console script `keras-seq`: one message and an exit code for everything that can go wrong.

0: all trials completed. 1: some did not. 2: the request was wrong. 130: interrupted.
"""

import gc
import sys

# What the extra `app` brings; without it the plugin alone is installed.
_APP_PACKAGES = ("typer", "textual", "rich", "msgspec", "scipy", "psutil", "tomli_w", "sklearn")


def main() -> int:
    """Run the command line in `sys.argv`."""
    # What is imported stays: to look for garbage in it is a tenth of a short command's time.
    gc.set_threshold(100_000)
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        from tui.command_line import run_command
    except ModuleNotFoundError as error:
        if debug or error.name not in _APP_PACKAGES:
            raise
        return _refuse(
            f"{error.name} is not installed. "
            'Install the tool: pip install "keras-seq[app,tensorflow]"'
        )
    from experiments.errors import KerasSeqError

    try:
        return run_command(arguments)
    except KerasSeqError as error:
        if debug:
            raise
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`keras-seq list | head -1`): nothing to tell it.
        sys.stderr.close()
        return 0
    except Exception as error:
        if debug:
            raise
        return _refuse(f"{type(error).__name__}: {error} (--debug shows where)")


def _refuse(message: str) -> int:
    print(f"keras-seq: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
