"""All routes of the messages function."""

from __future__ import annotations

from functions.messages import chat_change_routes, chat_routes, message_change_routes, people_routes, routes, thing_routes, transport_routes

ROUTERS = (
    routes.router,
    thing_routes.router,
    message_change_routes.router,
    chat_change_routes.router,
    chat_routes.router,
    people_routes.router,
    transport_routes.router,
)
