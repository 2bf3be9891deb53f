"""A contestant that reads what was put into it: its settings hold the answer."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from evaluation.bench.protocol import Reading, serve


class Fake:
    def __init__(self, settings: dict[str, str]) -> None:
        if settings.get("broken"):
            raise RuntimeError("cannot load")
        self._settings = settings
        self.about: dict[str, Any] = {"versions": {"fake": "1"}, "models": {}, "settings": settings}

    def read(self, path: Path) -> Reading:
        print("chatter of a library", path)  # must not be taken for an answer
        match path.name:
            case "bad.png":
                raise ValueError("cannot read this one")
            case "fatal.png":
                os._exit(3)
            case "endless.png":
                time.sleep(60)
        with Path(self._settings["diary"]).open("a") as diary:
            diary.write(f"{self._settings['name']} {path.name}\n")
        self.about["models"] = {"net": "abc"}
        return Reading(json.loads(self._settings["lines"]), {"thinking": 0.25}, [0.5])


if __name__ == "__main__":
    serve(Fake)
