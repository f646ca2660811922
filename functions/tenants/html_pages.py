"""The two HTML pages of the API. They load nothing from other hosts, because people type tokens into one of them."""

from __future__ import annotations

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
"""
DOCS = f"""{_HEAD}<title>Avio API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="swagger-ui"></main>
<noscript>This page needs JavaScript. The document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script>
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);
SwaggerUIBundle({{url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: true}});
</script>
</body>
</html>
"""
"""`persistAuthorization` keeps what was typed in the browser's storage for this address, until "Logout" there."""

HOME = f"""{_HEAD}<title>Avio</title>
<style>body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }}</style>
</head>
<body>
<main>
<h1>Avio</h1>
<p>This is an API: it plugs people's own Telegram accounts into your software.</p>
<ul>
<li><a href="/docs">The reference</a>, where requests can be tried</li>
<li><a href="/openapi.json">The OpenAPI document</a></li>
<li><a href="/health">Health</a></li>
</ul>
</main>
</body>
</html>
"""
