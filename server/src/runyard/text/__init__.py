"""Text from language models: one way to ask for it, whichever model the yard has.

``async with open_text(settings, sandbox) as text`` gives a :class:`TextProvider`: an endpoint the operator names, the
packaged small model, or one that refuses everything with the way out.
"""

from runyard.text.open import REMEDY, model_name, open_text
from runyard.text.provider import Message, Prompt, Sampling, TextProvider, TextRefused

__all__ = ["REMEDY", "Message", "Prompt", "Sampling", "TextProvider", "TextRefused", "model_name", "open_text"]
