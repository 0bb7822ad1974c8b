"""Variables that Kubernetes makes for Services are no settings; what only looks like one is refused as ever."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.errors import SettingsError
from service.service_links import log_service_links
from service.settings import Settings, name_settings


def make_links(service: str, address: str, port: int, protocol: str) -> dict[str, str]:
    """Returns what Kubernetes sets in each container for a Service with one port, named after its protocol."""
    upper = protocol.upper()
    url = f"{protocol}://{address}:{port}"
    one = f"{service}_PORT_{port}_{upper}"
    return {
        f"{service}_SERVICE_HOST": address,
        f"{service}_SERVICE_PORT": str(port),
        f"{service}_SERVICE_PORT_{upper}_1": str(port),
        f"{service}_PORT": url,
        one: url,
        f"{one}_PROTO": protocol,
        f"{one}_PORT": str(port),
        f"{one}_ADDR": address,
    }


@pytest.mark.parametrize(
    "service",
    ["VEREDICTO", "VEREDICTO_GRPC", "VEREDICTO_MODELS", "VEREDICTO_A_1", "GRAFANA"],
)
@pytest.mark.parametrize("address", ["10.0.0.11", "[fd00::11]"])
@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
def test_variables_that_kubernetes_makes_leave_the_defaults(
    service: str, address: str, protocol: str
) -> None:
    """A Service of any name, address family and protocol changes no setting."""
    links = make_links(service, address, 3000, protocol)
    assert Settings.from_environment(links) == Settings()


def test_ignored_variables_are_told_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line of information names what was ignored, in order, whatever the number of Services."""
    links = make_links("VEREDICTO", "10.0.0.11", 3000, "tcp")
    links |= make_links("VEREDICTO_TEST", "10.0.0.12", 3000, "tcp")
    with caplog.at_level(logging.INFO, logger="service.service_links"):
        log_service_links({**links, "PATH": "/bin"}, name_settings())

    assert caplog.messages == [
        f"ignored what Kubernetes made for Services: {', '.join(sorted(links))}"
    ]
    assert caplog.records[0].levelno == logging.INFO


def test_a_variable_with_the_name_of_a_setting_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The line is a warning that shows the value where somebody may have meant to set it."""
    links = {
        "VEREDICTO_GRPC_PORT": "tcp://10.0.0.12:8001",
        "VEREDICTO_SERVICE_HOST": "10.0.0.11",
    }
    with caplog.at_level(logging.INFO, logger="service.service_links"):
        log_service_links(links, name_settings())

    assert caplog.messages == [
        "no setting is VEREDICTO_GRPC_PORT=tcp://10.0.0.12:8001: Kubernetes made it for a Service of that name; "
        "ignored with it: VEREDICTO_GRPC_PORT, VEREDICTO_SERVICE_HOST"
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_nothing_is_told_where_nothing_is_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Settings, and the variables of other programs' Services, are worth no line."""
    environment = {"VEREDICTO_GRPC_PORT": "8001", "GRAFANA_SERVICE_HOST": "10.0.0.13"}
    with caplog.at_level(logging.INFO, logger="service.service_links"):
        log_service_links(environment, name_settings())

    assert not caplog.messages


def test_a_port_of_grpc_stands_beside_the_variables_of_kubernetes() -> None:
    """The port that an operator sets is taken where Kubernetes sets the other variables of a Service."""
    settings = Settings.from_environment(
        {"VEREDICTO_GRPC_PORT": "8001", "VEREDICTO_GRPC_SERVICE_PORT": "9000"}
    )
    assert settings.grpc_port == 8001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VEREDICTO_PORT", "3000"),
        ("VEREDICTO_PORT_3000_TPC", "tcp://10.0.0.11:3000"),
        ("VEREDICTO_SERVICE_PROT", "3000"),
        ("VEREDICTO_GRPC_ADDRESS", "tcp://10.0.0.12:8001"),
    ],
)
def test_what_kubernetes_does_not_make_is_refused_as_ever(
    name: str, value: str
) -> None:
    """An unknown variable that only looks like one of Kubernetes raises SettingsError."""
    with pytest.raises(SettingsError, match=rf"^unknown setting {name}; "):
        Settings.from_environment({name: value})


def test_a_server_starts_beside_services_of_its_own_name(
    start_server: Callable[..., Any], models: Path
) -> None:
    """A process with all that Kubernetes sets for two Services of its name serves, and its log has one line of them."""
    links = make_links("VEREDICTO", "10.0.0.11", 3000, "tcp")
    links |= make_links("VEREDICTO_GRPC", "10.0.0.12", 8001, "tcp")
    with start_server(VEREDICTO_MODELS=models, **links) as server:
        assert server.client.get("/readyz").json() == {"ready": True, "models": 2}

    log = server.log.read_text()
    assert log.count("for a Service of that name") == 1
    assert log.count("VEREDICTO_GRPC_PORT=tcp://10.0.0.12:8001") == 1
