"""featrouter: decides, while a cheap agent works, whether it should go on or hand over to a strong one."""

from featrouter.bundle import Bundle, BundleError
from featrouter.decision import Costs, Decision, Reason
from featrouter.router import Router
from featrouter.session import Session
from featrouter.trajectory import Call, Trajectory, Turn

__all__ = ["Bundle", "BundleError", "Call", "Costs", "Decision", "Reason", "Router", "Session", "Trajectory", "Turn"]
__version__ = "0.1.0"
