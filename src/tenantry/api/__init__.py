"""The control API: tenants, keys, data sets, predictions, models, versions, aliases, deployments,
routing rules, SLO classes and jobs over HTTP.

Receives: requests with a key. Hands on: calls to a ``ControlPlane`` (``api.control``, which the embedded
command line uses without HTTP), and its answers as JSON. Never knows: which database or file store is
behind the ports, or how a model is trained or served.

``api.application.create_app`` makes the ASGI application; nothing is imported here, so that the command
line can take the control plane without the web framework."""

__all__: list[str] = []
