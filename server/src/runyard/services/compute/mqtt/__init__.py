"""Events of media jobs over MQTT: a broker, the log told on it, and the workers' announcements.

The composition root opens it with :func:`open_mqtt` in the API and :func:`announce_worker` in a worker.
"""

from runyard.services.compute.mqtt.broker import BrokerPortTaken
from runyard.services.compute.mqtt.broker_url import InvalidBrokerUrl
from runyard.services.compute.mqtt.open import Mqtt, announce_worker, open_mqtt
from runyard.services.compute.mqtt.workers import Workers

__all__ = ["BrokerPortTaken", "InvalidBrokerUrl", "Mqtt", "Workers", "announce_worker", "open_mqtt"]
