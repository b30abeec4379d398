"""Signs and reads the session cookie of a Flask application."""

import json
import sys

from flask import Flask
from flask.sessions import SecureCookieSessionInterface

given = json.load(sys.stdin)
app = Flask(__name__)
app.config["SECRET_KEY"] = given["secret"]
app.config["SECRET_KEY_FALLBACKS"] = given["fallbacks"]
serializer = SecureCookieSessionInterface().get_signing_serializer(app)
read = [serializer.loads(token, max_age=60) for token in given["tokens"]]
json.dump({"read": read, "token": serializer.dumps(given["payload"])}, sys.stdout)
