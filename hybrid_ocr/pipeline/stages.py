"""The stages of the table, each on a thread of its own, connected as the table says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from hybrid_ocr.contracts.messages import FailedPage, ModelIdentity, PageImage, StageName
from hybrid_ocr.contracts.stage import Stage, StageContext
from hybrid_ocr.contracts.stages import LAST, STAGES
from hybrid_ocr.engines.interpreters import python_of
from hybrid_ocr.opening import RawPage
from hybrid_ocr.pipeline.models import Models
from hybrid_ocr.pipeline.worker import PendingAnswer, StageWorker
from hybrid_ocr.stages import load_stage

PAGES_TOGETHER: Final[Mapping[StageName, int]] = {"ocr": 4}
"""Pages in one call of a stage. Lines of several pages fill batches of like width better; other stages run
page by page, and a page of theirs should not wait for another."""


class StageGraph:
    """Loads the stages side by side and passes pages through them.

    Args:
        models: which artefact and engine each stage gets; they are there.

    Raises:
        EngineError: ENGINE_UNAVAILABLE, an engine is not installed here.
    """

    def __init__(self, models: Models) -> None:
        pythons = {name: python_of(models.engine_of(name)) for name in STAGES}
        self._subprocesses = ExitStack()
        self._workers = {
            name: StageWorker(
                name,
                self._loader(name, models.context(name), pythons[name]),
                PAGES_TOGETHER.get(name, 1),
            )
            for name in STAGES
        }

    def close(self) -> None:
        """Finish what is waiting, then end threads and processes."""
        for worker in self._workers.values():
            worker.close()
        self._subprocesses.close()

    def models(self) -> dict[StageName, ModelIdentity]:
        """The weights of every stage; waits until all are loaded. Raises what loading one raised."""
        found = {name: worker.model for name, worker in self._workers.items()}
        return {name: model for name, model in found.items() if model is not None}

    def upright(self, page: RawPage) -> PageImage | FailedPage:
        """Turn a page upright. Raises what loading the stage raised."""
        turned: PageImage | FailedPage = self._workers["rotation"].ask(page).result()
        return turned

    def send(self, page: PageImage) -> dict[StageName, PendingAnswer]:
        """Send an upright page to every stage that comes after rotation, each when its input is there.

        Returns the answers of the last stages: what comes between, such as the pixels of lines, is not kept.
        """
        answers: dict[StageName, PendingAnswer] = {}
        for name, spec in STAGES.items():
            if spec.after == "rotation":
                answers[name] = self._workers[name].ask(page)
            elif spec.after is not None:
                answers[name] = self._workers[name].follow(answers[spec.after])
        return {name: answers[name] for name in LAST if name in answers}

    def _loader(self, name: StageName, context: StageContext, python: Path) -> Callable[[], Stage[Any, Any]]:
        if context.engine != "paddleocr" or _is_current_interpreter(python):
            return partial(load_stage, name, context)
        return partial(self._load_in_subprocess, name, context, python)

    def _load_in_subprocess(self, name: StageName, context: StageContext, python: Path) -> Stage[Any, Any]:
        from hybrid_ocr.pipeline.subprocess_stage import SubprocessStage

        stage = SubprocessStage(name, context, python)
        self._subprocesses.callback(stage.close)
        return stage


def _is_current_interpreter(python: Path) -> bool:
    """Whether that is the interpreter that runs; links are not followed: they all lead to the system's."""
    return python == Path(sys.executable)
