"""Chat messages of the common forms, to and from a Trajectory, and from one model to another."""

from featrouter.messages.reading import trajectory_of
from featrouter.messages.switching import portable
from featrouter.messages.writing import messages_of

__all__ = ["messages_of", "portable", "trajectory_of"]
