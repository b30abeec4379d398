"""The configuration files that the demo writes at every start."""

import json
import os

from demo_needs import ROOT

SNIPPETS = ROOT / "deploy" / "nginx"
APP_ID = "ldm"


def cloakroom_config(demo):
    return f"""# Written by demo.py at every start.
listen = "127.0.0.1:{demo.server_port}"
public_url = "{demo.url}"
data = {json.dumps(str(demo.state / "cloakroom"))}
trusted_proxies = ["127.0.0.1/32"]

# Cookies do not know ports: another name than the default keeps `make run` logged in.
[cookie]
name = "__Host-cloakroom-demo"

[app.{APP_ID}]
name = "Legacy Data Manager"
origin = "{demo.url}"
"""


def nginx_config(demo):
    """A complete nginx.conf around the shipped files, which it includes as they are."""
    own = demo.state / "nginx"
    user = "user root;" if os.geteuid() == 0 else ""  # else its workers could not enter our folder
    return f"""# Written by demo.py at every start.
daemon off;
{user}
worker_processes 1;
pid "{own}/nginx.pid";
events {{ worker_connections 512; }}

http {{
    variables_hash_max_size 2048;
    access_log "{demo.logs}/nginx-access.log";
    client_body_temp_path "{own}/client-body";
    proxy_temp_path "{own}/proxy";
    fastcgi_temp_path "{own}/fastcgi";
    uwsgi_temp_path "{own}/uwsgi";
    scgi_temp_path "{own}/scgi";

    include "{SNIPPETS}/cloakroom.conf";

    upstream cloakroom {{
        server 127.0.0.1:{demo.server_port};
        keepalive 16;
    }}

    server {{
        listen 127.0.0.1:{demo.port};
        server_name localhost;
        set $cloakroom_app {APP_ID};
        include "{SNIPPETS}/cloakroom-locations.conf";

        location / {{
            include "{SNIPPETS}/cloakroom-protect.conf";
            proxy_pass http://127.0.0.1:{demo.app_port};
        }}
    }}

    # http://127.0.0.1 is another origin than http://localhost: cookies would not follow.
    server {{
        listen 127.0.0.1:{demo.port} default_server;
        server_name _;
        return 302 {demo.url}$request_uri;
    }}
}}
"""
