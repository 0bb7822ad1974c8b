"""A start refuses what would end the server later in a way that does not say what is wrong."""

from __future__ import annotations

import logging
import os
import resource
import sys
from importlib.util import find_spec
from math import inf
from pathlib import Path

from service.errors import SettingsError
from service.settings import PREFIX, Settings

NOT_STARTED = 1
MIN_ADDRESS_MIB = 224
USUAL_ADDRESS_MIB = 512
"""A process of the service takes about so much room for addresses with one small model, and with the shipped ones."""

logger = logging.getLogger(__name__)


def check_environment(settings: Settings, *, folder: str, is_ours: bool) -> None:
    """Raises SettingsError for what would end the server in a way that does not say what is wrong.

    The service is started from `folder`; it `is_ours` where it is no bento of its own.
    """
    for library in ("bentoml", "onnxruntime"):
        if find_spec(library) is None:
            raise SettingsError(
                f"{library} is not installed: make serve in a clone, or pip install 'veredicto[cpu]', or [gpu]"
            )

    _check_address_space()
    _check_models(settings)
    _check_folder(folder, is_ours=is_ours)


def _check_address_space() -> None:
    """Raises SettingsError where no process can have room enough for its addresses."""
    room_mib = _read_address_room_mib()
    if room_mib < MIN_ADDRESS_MIB:
        raise SettingsError(
            f"each process has room for {room_mib} MiB of addresses (ulimit -v), and needs about {MIN_ADDRESS_MIB} "
            "with one small model: raise that limit, or limit its memory by a control group"
        )


def warn_of_little_room() -> None:
    """Warns where a process has no room for the addresses that the shipped models take."""
    room_mib = _read_address_room_mib()
    if room_mib < USUAL_ADDRESS_MIB:
        logger.warning(
            "each process has room for %d MiB of addresses (ulimit -v), and the shipped models need about %d: files "
            "for which there is no room are refused",
            room_mib,
            USUAL_ADDRESS_MIB,
        )


def _read_address_room_mib() -> float:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return inf if limit == resource.RLIM_INFINITY else limit // 2**20


def _check_models(settings: Settings) -> None:
    """Raises SettingsError where the models are nowhere; a folder that is named may still come."""
    try:
        is_folder, is_file = settings.models.is_dir(), settings.models.is_file()
    except OSError:  # the server, which is not ready then, says why it cannot be read
        return

    if f"{PREFIX}MODELS" not in os.environ and not is_folder:
        raise SettingsError(
            f"expected a folder of exported models, got none: name yours in {PREFIX}MODELS "
            f"(the default, {settings.models}, is not there)"
        )

    if is_file:
        raise SettingsError(
            f"{PREFIX}MODELS: expected a folder of .onnx files, got the file {settings.models}: name its folder"
        )


def _check_folder(folder: str, *, is_ours: bool) -> None:
    """Raises SettingsError for a folder of this process that is gone, or has another package of our name."""
    try:
        Path.cwd()
    except OSError as error:
        raise SettingsError(
            "the folder that it is started in is gone: start it from another folder"
        ) from error

    # BentoML looks into this folder first, but for a bento.
    other = Path(folder, "service", "__init__.py").resolve()
    if is_ours and other.exists() and other.parent != Path(__file__).resolve().parent:
        raise SettingsError(
            f"expected a folder without a package of the name service, got {Path.cwd()}: "
            "start it from another folder"
        )


def check_grpc(settings: Settings) -> None:
    """Raises SettingsError where gRPC cannot listen, or is not installed."""
    if settings.grpc_port:
        from service.grpc.port import check_can_listen

        check_can_listen(settings)


def check_settings(settings: Settings) -> None:
    """Refuses to start, once and ahead of all workers: each of them alone could not say why none starts."""
    if settings.journal is not None:
        from service.live.journal.storage.startup import prepare_file

        prepare_file(settings.journal)

    if settings.acts is not None:
        from service.live import champion_log

        champion_log.check_file(settings.acts)

    if settings.shadow:
        from service.live import challengers

        if not challengers.check_in_subprocess():
            # That process has said why.
            sys.exit(NOT_STARTED)
