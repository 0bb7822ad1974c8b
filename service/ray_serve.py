"""This is Ray Serve's door: `serve run service.ray_serve:application` serves the models in a cluster of Ray.

The application is that of the server, and so are its answers. Ray's proxy takes the connections, so there is no fast
path and no drain of ours; VEREDICTO_* variables reach each replica as its node has them.
"""

from __future__ import annotations

from ray import serve

from service.http.lifespan import ASGIApp
from service.settings import Settings

MAX_REPLICAS = 8
TARGET_ONGOING_REQUESTS = 4
"""A replica has one event loop: with more requests at once in each there are to be more replicas."""


def make_application() -> ASGIApp:
    """Returns the application of one replica, which loads the models of its node's VEREDICTO_MODELS."""
    from service.server.bentoml_stand_in import BentoMLStandIn
    from service.server.composition import make_application as make

    return make(BentoMLStandIn, has_own_server=False)


application = serve.deployment(
    name="Veredicto",
    max_ongoing_requests=Settings().max_in_flight,
    autoscaling_config={
        "min_replicas": 1,
        "max_replicas": MAX_REPLICAS,
        "target_ongoing_requests": TARGET_ONGOING_REQUESTS,
    },
)(serve.ingress(make_application)()).bind()
