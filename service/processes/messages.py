"""The supervisor and its processes say these words to each other; each is the `kind` of a message of a channel.

The supervisor tells a worker, or a trial:

- `begin`: to load what is served. It has the `refused` files with their reasons and the number of `restarts`, and
  where there are copies of the models their `store` and `generation`. A trial gets its `order` and the `store`.
- `prepare`, `commit`, `abort`: to load a `generation` beside what is served, to serve it, or to forget it.
- `reloaded`: what came of the request with this `ticket`: an `error`, empty where there is none, and its `text`.
- `drain`, `close`: to serve on without being ready, and to end what is in flight and itself.

A process tells the supervisor:

- `loading`: that it is about to read a `file`, null after the last one, `beside` others that it reads too.
- `loaded`: that all models are loaded, of a fork server, and whether it `can_fork`.
- `ready`: that it serves, with the files that it `refused` and what is `served`.
- `beat`: that its event loop turns.
- `reload`: that a client asks for an `action` on the model of this `name`; the answer bears the `ticket`.
- `prepared`, `committed`: that it has loaded a `generation`, but for what it `refused`, or serves it.
- `made`, `failed`: that a trial has made its generation, or has not, with the `reason`.

Whoever does not know a kind passes it over.
"""

from __future__ import annotations

from typing import Literal

ToProcess = Literal["begin", "prepare", "commit", "abort", "reloaded", "drain", "close"]
ToSupervisor = Literal[
    "loading",
    "loaded",
    "ready",
    "beat",
    "reload",
    "prepared",
    "committed",
    "made",
    "failed",
]
