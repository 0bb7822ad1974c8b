"""This module holds what is common to families that are made of another: they offer what the inner one offers."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from training.learning.family import Family


@dataclass(frozen=True, kw_only=True)
class WrappedFamily:
    """A WrappedFamily is an `inner` family that is fitted in another way."""

    inner: Family

    @property
    def SUMMARY(self) -> str:  # noqa: N802  # a Family's names
        return self.inner.SUMMARY

    @property
    def NEEDS_VALIDATION(self) -> bool:  # noqa: N802
        return self.inner.NEEDS_VALIDATION

    @property
    def NEEDS_CALIBRATION(self) -> bool:  # noqa: N802
        return self.inner.NEEDS_CALIBRATION

    @property
    def KINDS(self) -> tuple[str, ...]:  # noqa: N802
        return self.inner.KINDS

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        self.inner.add_options(parser)
