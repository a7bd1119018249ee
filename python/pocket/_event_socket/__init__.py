"""FreeSWITCH's event socket, spoken by pocket."""

from pocket._event_socket.server import LOOPBACK, Server

__all__ = ["LOOPBACK", "Server"]
