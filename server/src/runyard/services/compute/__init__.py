"""The `compute` service: media jobs on nine plugins and any you add, with events over MQTT.

``api`` and ``accounts`` face HTTP, ``mqtt`` subscribers; ``executor`` is the worker's side. Plugins know none of them.
"""
