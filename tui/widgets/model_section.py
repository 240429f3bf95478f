"""The settings of one model, folded away until somebody wants to see them."""

from __future__ import annotations

from dataclasses import asdict

from textual.widgets import Collapsible, Input

from experiments.config import ModelChoice
from experiments.models.model import Model
from tui.widgets.field import Field
from tui.widgets.settings_form import SettingsForm, written


class ModelSection(Collapsible):
    """Its fields are empty: what is typed is given, the rest as it is or as it is solved."""

    def __init__(self, choice: ModelChoice) -> None:
        super().__init__(title=choice.label)
        self.label = choice.label
        self._model = choice.model

    async def on_collapsible_expanded(self) -> None:
        """Make the fields the first time; most models are left as they are."""
        if not self.query(SettingsForm):
            form = SettingsForm(
                f"models.{self.label}", type(self._model), asdict(self._model), is_open=True
            )
            await self.query_one(Collapsible.Contents).mount(form)

    def show_model(self, model: Model) -> None:
        """Say what holds where nothing is typed."""
        self._model = model
        for field in self.query(Field):
            for shown in field.query(Input):
                shown.placeholder = written(getattr(model, field.key.rpartition(".")[2]))
