"""An experiment as a TOML file, to copy or to save."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from experiments.errors import KerasSeqError
from experiments.store import replace
from tui.screens.question import Question
from tui.widgets.key_footer import KeyFooter


class DocumentScreen(ModalScreen[None]):
    """The document; `ctrl+s` saves it under the name beneath, and asks before it overwrites.

    Args:
        document: The text.
        path: Where to save it unless another path is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="document.back", tooltip="Back to the form"),
        Binding(
            "ctrl+y", "copy_document", "Copy", id="document.copy", priority=True,
            tooltip="Copy it to the clipboard",
        ),
        Binding(
            "ctrl+s", "save_document", "Save", id="document.save", priority=True,
            tooltip="Save it as a file",
        ),
    ]  # fmt: skip

    DEFAULT_CSS = """
    DocumentScreen {
        .dialog { width: 90%; height: 90%; }
        VerticalScroll { height: 1fr; }
        #document { width: auto; }
        #document-problem { color: $error; height: auto; }
    }
    """

    def __init__(self, document: str, path: Path) -> None:
        super().__init__()
        self._document, self._path = document, path

    def compose(self) -> ComposeResult:
        """The text, where it goes, and what to do with it, keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "The same as a file: keras-seq run FILE.toml"
            with VerticalScroll():
                yield Static(self._document, id="document", markup=False)
            yield Input(str(self._path), id="path", compact=True)
            yield Static(id="document-problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Copy (ctrl+y)", id="copy", compact=True)
                yield Button("Save (ctrl+s)", id="save", variant="primary", compact=True)
        yield KeyFooter()

    @on(Button.Pressed, "#copy")
    def action_copy_document(self) -> None:
        """Copy it, where the terminal allows it."""
        self.app.copy_to_clipboard(self._document)
        self.notify("Copied.")

    @on(Button.Pressed, "#save")
    @on(Input.Submitted)
    def action_save_document(self) -> None:
        """Save it; over another file only once confirmed."""
        path = Path(self.query_one(Input).value.strip()).expanduser()
        if not path.is_file():
            self._save(path)
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._save(path)

        question = Question(f"Overwrite {path}?", "What is in it is lost.", "Overwrite", "Keep")
        self.app.push_screen(question, answered)

    def _save(self, path: Path) -> None:
        try:
            if path.is_dir() or not path.name:
                raise IsADirectoryError
            replace(path, self._document.encode())
        except IsADirectoryError:
            problem = f"{path} is a folder; expected the name of a file, such as mine.toml."
            self.query_one("#document-problem", Static).update(f"✗ {problem}")
        except KerasSeqError as error:
            self.query_one("#document-problem", Static).update(f"✗ {error}")
        else:
            self.notify(f"Saved {path}.", markup=False)
            self.dismiss()
