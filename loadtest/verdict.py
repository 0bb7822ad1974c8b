"""The verdict with a clock names the most accurate classifier of a task among those that keep the objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Contender:
    """This is a classifier with its accuracy on held-out rows, and its result under the load."""

    name: str
    version: str | None
    accuracy: float | None
    interval: tuple[float, float] | None
    document: dict[str, Any]

    @property
    def keeps(self) -> bool:
        """Says whether what was seen is within every objective.

        A generator that was too busy makes a server look slower, never faster; but a closed loop it slows down.
        """
        if "search" in self.document:  # whose trials have said at which rate it does
            return self.rate is not None

        holds = all(each["holds"] for each in self.document["objectives"])
        is_open = self.document["load"]["loop"] == "open"

        return holds and self.rate is not None and (is_open or not self._is_doubtful)

    @property
    def is_void(self) -> bool:
        """Says whether the test says nothing, as opposed to something bad."""
        return self._is_doubtful and not self.keeps

    @property
    def _is_doubtful(self) -> bool:
        return not self.document["valid"] and "generator" in self.document["why"]

    @property
    def rate(self) -> float | None:
        """Returns the requests a second that were kept: the highest, where it was searched."""
        found = self.document.get("search")
        rate: float | None = found["rate"] if found else self.document["rate"]
        return rate

    @property
    def p99_ms(self) -> float | None:
        p99_ms: float | None = self.document["latency_ms"]["p99"]
        return p99_ms

    @property
    def requests_per_core_s(self) -> float | None:
        """Returns the answers for a second of one of the server's processor cores."""
        server = self.document["repeats"][-1]["server"] or {}
        found: float | None = server.get("requests_per_core_s")
        return found

    def describe(self) -> dict[str, Any]:
        """Returns the classifier as the result has it."""
        return {
            "model": self.name,
            "version": self.version,
            "accuracy": self.accuracy,
            "accuracy_interval": self.interval,
            "keeps": self.keeps,
            "void": self.is_void,
            "rate": self.rate,
            "p99_ms": self.p99_ms,
            "requests_per_core_s": self.requests_per_core_s,
            "result": self.document,
        }


def make_contender(card: dict[str, Any], document: dict[str, Any]) -> Contender:
    """Joins a card and a result."""
    accuracy = card["metrics"].get("accuracy") or {}
    interval = accuracy.get("interval")

    return Contender(
        name=card["name"],
        version=card.get("version"),
        accuracy=accuracy.get("value"),
        interval=tuple(interval) if interval else None,
        document=document,
    )


def decide(contenders: Sequence[Contender]) -> Contender | None:
    """Returns the most accurate classifier that keeps the objectives, of equals the faster one."""
    keeping = [each for each in contenders if each.keeps]
    return max(keeping, key=_rank, default=None)


def _rank(contender: Contender) -> tuple[float, float]:
    accuracy = -1.0 if contender.accuracy is None else contender.accuracy
    return accuracy, -(contender.p99_ms or 0.0)


def describe(contenders: Sequence[Contender], *, task: str, slo: str) -> dict[str, Any]:
    """Returns the verdict; the figures of the best are those of the document itself."""
    best = decide(contenders)
    shown = best or max(contenders, key=_rank)
    ordered = sorted(contenders, key=_rank, reverse=True)

    return {
        **shown.document,
        "task": task,
        "slo": slo,
        "verdict": write_verdict(contenders, task=task, slo=slo),
        "best": best.name if best else None,
        "classifiers": [each.describe() for each in ordered],
    }


def write_verdict(contenders: Sequence[Contender], *, task: str, slo: str) -> str:
    """Returns the verdict as sentences."""
    best = decide(contenders)
    where = _say_load(contenders[0].document)
    sentences = [
        f"No classifier of {task} was seen to keep {slo}{where}."
        if best is None
        else f"The most accurate classifier of {task} that keeps {slo}{where} is {best.name}, "
        f"with an accuracy of {_say_accuracy(best)}."
    ]
    others = [each.name for each in contenders if each.keeps and each is not best]
    if others:
        sentences.append(
            f"{', '.join(sorted(others))} {'keep' if len(others) > 1 else 'keeps'} it too; which accuracies differ is "
            "shown by the same rows: veredicto evaluate --load."
        )

    void = [each.name for each in contenders if each.is_void]
    if void:
        sentences.append(
            f"The tests of {', '.join(sorted(void))} are void: the load generator was the bottleneck."
        )

    return " ".join(sentences)


def _say_load(document: dict[str, Any]) -> str:
    load = document["load"]
    if "search" in document:
        return ""
    if load["loop"] == "closed":
        return f" for {load['concurrency']} callers"

    return f" at {load['rate']:,g} requests/s" if "rate" in load else ""


def _say_accuracy(contender: Contender) -> str:
    if contender.accuracy is None:
        return "unknown size"
    if contender.interval is None:
        return f"{contender.accuracy:.3f}"

    low, high = contender.interval
    return f"{contender.accuracy:.3f} ({low:.3f} to {high:.3f})"


def write_table(document: dict[str, Any]) -> list[str]:
    """Returns the table of classifiers and the verdict as lines."""
    width = max(len(each["model"]) for each in document["classifiers"])
    lines = [
        f"{'classifier':<{width}}  accuracy                 keeps  rate/s     p99 ms  /s per core"
    ]
    for each in document["classifiers"]:
        interval = each["accuracy_interval"]
        accuracy = "-" if each["accuracy"] is None else f"{each['accuracy']:.3f}"
        limits = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
        lines.append(
            f"{each['model']:<{width}}  {accuracy + limits:<23}  {_say_keeps(each):<5}"
            f"{_number(each['rate'])}{_number(each['p99_ms'], 2)}{_number(each['requests_per_core_s'])}"
        )

    return [*lines, "", document["verdict"]]


def _say_keeps(described: dict[str, Any]) -> str:
    if described["keeps"]:
        return "yes"
    return "void" if described["void"] else "no"


def _number(value: float | None, decimals: int = 0) -> str:
    return f"{'-' if value is None else f'{value:,.{decimals}f}':>10}"
