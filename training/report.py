"""Pictures."""

from __future__ import annotations

from pathlib import Path

from training.pipeline import Learnt, Lesson


def draw(lesson: Lesson, learnt: Learnt, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
