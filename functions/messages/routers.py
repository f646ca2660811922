"""All routes of the messages function."""

from __future__ import annotations

from functions.messages import chat_change_routes, message_change_routes, routes

ROUTERS = (routes.router, message_change_routes.router, chat_change_routes.router)
